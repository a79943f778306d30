package storage

import (
	"bytes"

	"google.golang.org/protobuf/encoding/protowire"
)

// What stands in Kubernetes' protobuf: the magic before each encoding, the
// fields of runtime.Unknown, of any object, of ObjectMeta, and of any list.
const (
	protoMagic = "k8s\x00"

	unknownTypeMeta protowire.Number = 1
	unknownRaw      protowire.Number = 2
	objectMeta      protowire.Number = 1
	metaRevision    protowire.Number = 6 // resourceVersion
	listMetaField   protowire.Number = 1
	listItems       protowire.Number = 2
)

// spliced is a stored message of an object cut up around its resourceVersion,
// so that it goes out with another one without being decoded. Its parts are
// pieces of what was stored.
type spliced struct {
	before, after []byte // of metadata, around the resourceVersion
	rest          []byte // of the object, after metadata
}

// unwrap takes what is stored out of its wrapping: magic and kind stand before
// it, empty fields after; false where it is not what the protobuf serializer
// writes.
func unwrap(stored []byte) (wrap, message []byte, ok bool) {
	b, ok := bytes.CutPrefix(stored, []byte(protoMagic))
	if !ok {
		return nil, nil, false
	}
	at, found := len(protoMagic), false
	ok = eachField(b, func(n protowire.Number, t protowire.Type, whole, value []byte) bool {
		if n == unknownRaw && t == protowire.BytesType {
			wrap, message, found = stored[:at], value, true
		}
		at += len(whole)
		// Encodings with a content type of their own are not for here.
		return n <= unknownRaw || len(value) == 0
	})
	return wrap, message, ok && found
}

// wrapEnd stands after a wrapped message: contentEncoding and contentType,
// empty, as the generated code writes them.
var wrapEnd = []byte{0x1a, 0, 0x22, 0}

// splice cuts an object's message; false where metadata is not its first field,
// which the generated code always writes so.
func splice(message []byte) (s spliced, ok bool) {
	n, t, head := protowire.ConsumeTag(message)
	if n != objectMeta || t != protowire.BytesType {
		return s, false
	}
	meta, size := protowire.ConsumeBytes(message[head:])
	if size < 0 {
		return s, false
	}
	s.rest = message[head+size:]
	s.before, s.after = meta, nil
	at := 0
	ok = eachField(meta, func(n protowire.Number, _ protowire.Type, whole, _ []byte) bool {
		if n == metaRevision {
			s.before, s.after = meta[:at], meta[at+len(whole):]
		}
		at += len(whole)
		return true
	})
	return s, ok
}

// eachField goes through a message; false where it is not well formed or fn
// says no. whole is the field with its tag, value the content of bytes.
func eachField(b []byte, fn func(n protowire.Number, t protowire.Type, whole, value []byte) bool) bool {
	for len(b) > 0 {
		n, t, head := protowire.ConsumeTag(b)
		if head < 0 {
			return false
		}
		size := protowire.ConsumeFieldValue(n, t, b[head:])
		if size < 0 {
			return false
		}
		var value []byte
		if t == protowire.BytesType {
			value, _ = protowire.ConsumeBytes(b[head:])
		}
		if !fn(n, t, b[:head+size], value) {
			return false
		}
		b = b[head+size:]
	}
	return true
}

func (s *spliced) meta(revision string) int {
	return len(s.before) + protowire.SizeTag(metaRevision) + protowire.SizeBytes(len(revision)) + len(s.after)
}

// size is how many bytes append adds.
func (s *spliced) size(revision string) int {
	return protowire.SizeTag(objectMeta) + protowire.SizeBytes(s.meta(revision)) + len(s.rest)
}

// append adds the object's message with that resourceVersion to b.
func (s *spliced) append(b []byte, revision string) []byte {
	b = protowire.AppendTag(b, objectMeta, protowire.BytesType)
	b = protowire.AppendVarint(b, uint64(s.meta(revision)))
	b = append(b, s.before...)
	b = protowire.AppendTag(b, metaRevision, protowire.BytesType)
	b = protowire.AppendString(b, revision)
	b = append(b, s.after...)
	return append(b, s.rest...)
}

// appendWrapped adds the object as the serializer writes it.
func (c *cutting) appendWrapped(b []byte, revision string) []byte {
	b = append(b, c.wrap...)
	b = protowire.AppendTag(b, unknownRaw, protowire.BytesType)
	b = protowire.AppendVarint(b, uint64(c.size(revision)))
	return append(c.append(b, revision), wrapEnd...)
}
