package store

import (
	"bytes"
	"encoding/binary"

	"github.com/cockroachdb/pebble/v2"
)

// comparer orders keys by prefix, then suffix, each by its bytes.
//
// The naive way, comparing whole keys byte by byte, breaks when one prefix
// begins another: flushes then fail for ever. And a split at a fixed distance
// from the end cuts bare prefixes in the wrong place. Hence the suffix says
// its own length, and prefixes are compared first.
var comparer = (&pebble.Comparer{
	Name:                 "cairn.view.1",
	Split:                split,
	Compare:              compare,
	Equal:                bytes.Equal,
	ComparePointSuffixes: bytes.Compare,
	CompareRangeSuffixes: bytes.Compare,
	AbbreviatedKey:       abbreviate,
	Separator:            func(dst, a, _ []byte) []byte { return append(dst, a...) },
	Successor:            func(dst, a []byte) []byte { return append(dst, a...) },
	ImmediateSuccessor:   func(dst, a []byte) []byte { return append(append(dst, a...), end) },
}).EnsureDefaults()

func split(key []byte) int {
	n := len(key) - suffixLen
	if n >= 0 && key[len(key)-1] == suffixLen && (n == 0 || key[n-1] == end) {
		return n
	}
	return len(key)
}

func compare(a, b []byte) int {
	an, bn := split(a), split(b)
	if c := bytes.Compare(a[:an], b[:bn]); c != 0 {
		return c
	}
	return bytes.Compare(a[an:], b[bn:])
}

func abbreviate(key []byte) uint64 {
	var first [8]byte
	copy(first[:], key[:split(key)])
	return binary.BigEndian.Uint64(first[:])
}
