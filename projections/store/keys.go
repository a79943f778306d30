package store

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"

	"cairn/events"
)

// Key spaces.
const (
	tagBirth    = 'b' // kind, manifest, namespace, name -> nothing
	tagChange   = 'c' // kind, revision                  -> namespace, name
	tagEffect   = 'e' // offset, offset                  -> nothing: the first made the second be written
	tagLately   = 'f' // time, namespace, name           -> the revision of the Event's last occurrence then
	tagManifest = 'k' // kind, revision                  -> the manifest that counts from there on
	tagMeta     = 'm' // name                            -> tip, set
	tagNow      = 'n' // ref                             -> head, hashes, what the fold keeps
	tagPosition = 'p' // offset                          -> the position there, of a snapshot
	tagRecord   = 'r' // offset                          -> record
	tagState    = 's' // the fold's key                  -> the fold's value
	tagStateAt  = 'S' // the fold's key, offset falling  -> the fold's value at a snapshot
	tagTouch    = 't' // ref, offset                     -> nothing: a record spoke of ref and did not change it
	tagVersion  = 'v' // ref, revision falling           -> head and columns
	tagEnd      = 'z' // revision                        -> which Events end together
	tagNoSpace  = 'Z' // namespace, revision             -> nothing: its Events end there
)

// A key is a prefix, and where something falls a suffix: the number's
// complement and the byte 9, its own length. A prefix ends in 0x00, or in 0x01
// where it is only a bound.
//
// Invariant: strings are escaped so that they hold no 0x00 and end with one;
// so no name can pass for another, whatever bytes it is made of.
const (
	end       = 0x00
	past      = 0x01
	suffixLen = 9
)

var escape = strings.NewReplacer("\x00", "\x01\x01", "\x01", "\x01\x02")
var unescape = strings.NewReplacer("\x01\x01", "\x00", "\x01\x02", "\x01")

func appendText(b []byte, s string) []byte {
	if strings.IndexByte(s, 0) >= 0 || strings.IndexByte(s, 1) >= 0 {
		s = escape.Replace(s)
	}
	return append(append(b, s...), end)
}

func cutText(b []byte) (string, []byte, bool) {
	i := bytes.IndexByte(b, end)
	if i < 0 {
		return "", nil, false
	}
	s := string(b[:i])
	if strings.IndexByte(s, 1) >= 0 {
		s = unescape.Replace(s)
	}
	return s, b[i+1:], true
}

func kindKey(tag byte, kind string) []byte {
	return appendText(append(make([]byte, 0, 96), tag), kind)
}

func refKey(tag byte, r events.Ref) []byte { return appendRefKey(make([]byte, 0, 96), tag, r) }

// appendRefKey appends to an empty b, which a commit uses for key after key.
func appendRefKey(b []byte, tag byte, r events.Ref) []byte {
	return appendText(appendText(appendText(append(b, tag), r.Kind), r.Namespace), r.Name)
}

// pastKey is the bound just past every key that begins with a whole prefix.
func pastKey(prefix []byte) []byte {
	return append(prefix[:len(prefix)-1:len(prefix)-1], past)
}

func falling(prefix []byte, n uint64) []byte {
	return append(binary.BigEndian.AppendUint64(prefix, ^n), suffixLen)
}

func versionKey(r events.Ref, at events.Revision) []byte {
	return falling(refKey(tagVersion, r), uint64(at))
}

func isVersionOf(key []byte, r events.Ref) bool {
	return bytes.Equal(key[:len(key)-suffixLen], refKey(tagVersion, r))
}

func numbered(prefix []byte, n uint64) []byte {
	return append(binary.BigEndian.AppendUint64(prefix, n), end)
}

func changeKey(kind string, at events.Revision) []byte {
	return numbered(kindKey(tagChange, kind), uint64(at))
}

func appendChangeKey(b []byte, kind string, at events.Revision) []byte {
	return numbered(appendText(append(b, tagChange), kind), uint64(at))
}

// birthPrefix begins the rows of a manifest; in it they are by namespace and name.
func birthPrefix(kind string, manifest uint64) []byte {
	return numbered(kindKey(tagBirth, kind), manifest)
}

func appendBirthKey(b []byte, r events.Ref, manifest uint64) []byte {
	b = numbered(appendText(append(b, tagBirth), r.Kind), manifest)
	return appendText(appendText(b, r.Namespace), r.Name)
}

func manifestKey(kind string, from events.Revision) []byte {
	return numbered(kindKey(tagManifest, kind), uint64(from))
}

func recordKey(o events.Offset) []byte { return numbered([]byte{tagRecord}, uint64(o)) }

func positionKey(o events.Offset) []byte { return numbered([]byte{tagPosition}, uint64(o)) }

func effectKey(cause, effect events.Offset) []byte {
	return numbered(binary.BigEndian.AppendUint64([]byte{tagEffect}, uint64(cause)), uint64(effect))
}

// asVersionKey makes a version's key from its ref's in another space.
func asVersionKey(b []byte, at events.Revision) []byte {
	b[0] = tagVersion
	return falling(b, uint64(at))
}

func touchKey(r events.Ref, o events.Offset) []byte { return numbered(refKey(tagTouch, r), uint64(o)) }

func stateKey[T string | []byte](key T) []byte {
	return append(append([]byte{tagState}, key...), end)
}

func stateAtKey[T string | []byte](key T, at events.Offset) []byte {
	return falling(append(append([]byte{tagStateAt}, key...), end), uint64(at))
}

func metaKey(name string) []byte { return appendText([]byte{tagMeta}, name) }

// splitRef reads the ref of a key in the now or versions space.
func splitRef(key []byte) (events.Ref, error) {
	kind, rest, ok := cutText(key[1:])
	if !ok {
		return events.Ref{}, fmt.Errorf("store: key %x names no object", key)
	}
	return splitPlace(kind, rest)
}

// splitPlace reads a namespace and a name.
func splitPlace(kind string, b []byte) (events.Ref, error) {
	namespace, rest, ok := cutText(b)
	name, _, ok2 := cutText(rest)
	if !ok || !ok2 {
		return events.Ref{}, fmt.Errorf("store: %x names no object of %s: %w", b, kind, events.ErrMalformed)
	}
	return events.Ref{Kind: kind, Namespace: namespace, Name: name}, nil
}

// splitNumber reads the number of a key whose prefix is prefixLen long.
func splitNumber(key []byte, prefixLen int) uint64 {
	return binary.BigEndian.Uint64(key[prefixLen:])
}

// splitFalling reads the number of a key's suffix.
func splitFalling(key []byte) uint64 { return ^splitNumber(key, len(key)-suffixLen) }
