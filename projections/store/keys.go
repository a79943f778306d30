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
	tagChange   = 'c' // kind, revision          -> ref, gone
	tagManifest = 'k' // kind, revision, chunk   -> refs that lived then
	tagMeta     = 'm' // name                    -> position, set, cell
	tagNow      = 'n' // ref                     -> head
	tagRecord   = 'r' // offset                  -> record
	tagState    = 's' // the fold's key          -> the fold's value
	tagTouch    = 't' // ref, offset             -> nothing
	tagVersion  = 'v' // ref, revision falling   -> head and columns
)

// A key is a prefix, and in the versions space a suffix: the revision's
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

func namespaceKey(tag byte, kind, namespace string) []byte {
	return appendText(kindKey(tag, kind), namespace)
}

func refKey(tag byte, r events.Ref) []byte {
	return appendText(namespaceKey(tag, r.Kind, r.Namespace), r.Name)
}

// pastKey is the bound just past every key that begins with a whole prefix.
func pastKey(prefix []byte) []byte {
	return append(prefix[:len(prefix)-1:len(prefix)-1], past)
}

func versionKey(r events.Ref, at events.Revision) []byte {
	return append(binary.BigEndian.AppendUint64(refKey(tagVersion, r), ^uint64(at)), suffixLen)
}

func numbered(prefix []byte, n uint64) []byte {
	return append(binary.BigEndian.AppendUint64(prefix, n), end)
}

func changeKey(kind string, at events.Revision) []byte {
	return numbered(kindKey(tagChange, kind), uint64(at))
}

func manifestKey(kind string, at events.Revision, chunk uint32) []byte {
	b := binary.BigEndian.AppendUint64(kindKey(tagManifest, kind), uint64(at))
	return append(binary.BigEndian.AppendUint32(b, chunk), end)
}

func recordKey(o events.Offset) []byte { return numbered([]byte{tagRecord}, uint64(o)) }

func touchKey(r events.Ref, o events.Offset) []byte { return numbered(refKey(tagTouch, r), uint64(o)) }

func stateKey(key []byte) []byte { return append(append([]byte{tagState}, key...), end) }

func metaKey(name string) []byte { return appendText([]byte{tagMeta}, name) }

// splitRef reads the ref of a key in the now or versions space.
func splitRef(key []byte) (events.Ref, error) {
	var r events.Ref
	rest, ok := key[1:], true
	for _, to := range []*string{&r.Kind, &r.Namespace, &r.Name} {
		if *to, rest, ok = cutText(rest); !ok {
			return r, fmt.Errorf("store: key %x names no object", key)
		}
	}
	return r, nil
}

// splitNumber reads the number of a key whose prefix is prefixLen long.
func splitNumber(key []byte, prefixLen int) uint64 {
	return binary.BigEndian.Uint64(key[prefixLen:])
}
