package store

import (
	"encoding/binary"
	"fmt"

	"cairn/events"
)

// Values are written by hand: lengths before texts, variable-length numbers.
// Nothing outside this package reads them, and a store is rebuilt where the
// format's number changes, so no field needs a number of its own.

func appendChunk[T ~string | []byte](b []byte, chunk T) []byte {
	return append(binary.AppendUvarint(b, uint64(len(chunk))), chunk...)
}

func appendTexts(b []byte, list []string) []byte {
	b = binary.AppendUvarint(b, uint64(len(list)))
	for _, s := range list {
		b = appendChunk(b, s)
	}
	return b
}

func appendRef(b []byte, r events.Ref) []byte {
	return appendChunk(appendChunk(appendChunk(b, r.Kind), r.Namespace), r.Name)
}

// reader takes a value apart; after the first lack it gives zeros and is short.
type reader struct {
	b     []byte
	short bool
}

func (r *reader) number() uint64 {
	n, size := binary.Uvarint(r.b)
	if size <= 0 {
		r.short, r.b = true, nil
		return 0
	}
	r.b = r.b[size:]
	return n
}

// bytes gives the next n bytes, which still belong to the value.
func (r *reader) bytes(n uint64) []byte {
	if n > uint64(len(r.b)) {
		r.short, r.b = true, nil
		return nil
	}
	b := r.b[:n:n]
	r.b = r.b[n:]
	return b
}

func (r *reader) chunk() []byte { return r.bytes(r.number()) }

func (r *reader) text() string { return string(r.chunk()) }

func (r *reader) texts() (list []string) {
	for n := r.number(); n > 0 && !r.short; n-- {
		list = append(list, r.text())
	}
	return list
}

func (r *reader) flags() byte {
	if b := r.bytes(1); b != nil {
		return b[0]
	}
	return 0
}

func (r *reader) hash() (h [32]byte) {
	copy(h[:], r.bytes(32))
	return h
}

func (r *reader) ref() events.Ref {
	return events.Ref{Kind: r.text(), Namespace: r.text(), Name: r.text()}
}

// err names what was being read if it ended too early.
func (r *reader) err(what string, args ...any) error {
	if r.short {
		return fmt.Errorf("store: %s ends too early: %w", fmt.Sprintf(what, args...), events.ErrMalformed)
	}
	return nil
}
