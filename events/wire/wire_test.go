package wire

import (
	"bytes"
	"errors"
	"testing"
)

// node is a message with fields of three gates and one of its own kind inside.
type node struct {
	a, b, c uint64
	in      *node
	list    []node
	inline  leaf
}

type leaf struct{ s string }

func (l *leaf) Fields(w *Codec) { w.Str(1, &l.s) }

func (n *node) Fields(w *Codec) {
	w.Since(1)
	w.Uint(1, &n.a)
	Optional(w, 2, &n.in)
	Repeated(w, 3, &n.list)
	Inline(w, 4, &n.inline)
	w.Since(2)
	w.Uint(5, &n.b)
	w.Since(7)
	w.Uint(6, &n.c)
}

func TestAMessageNeedsTheHighestGateOfItsFields(t *testing.T) {
	for _, x := range []struct {
		n    node
		want uint64
	}{
		{node{}, 0},
		{node{a: 1}, 1},
		{node{a: 1, b: 1}, 2},
		{node{in: &node{b: 1}}, 2},
		{node{list: []node{{}, {c: 1}, {a: 1}}}, 7},
		{node{list: []node{{in: &node{list: []node{{b: 3}}}}}, inline: leaf{"x"}}, 2},
	} {
		b, wrote := Append(nil, &x.n)
		var back node
		read, err := DecodeNeeds(b, &back)
		if err != nil || wrote != x.want || read != x.want {
			t.Errorf("%+v: wrote %d, read %d, want %d: %v", x.n, wrote, read, x.want, err)
		}
		if again := Encode(&back); !bytes.Equal(b, again) {
			t.Errorf("%x reads back as %x", b, again)
		}
	}
}

// The length of a nested message is known last; it may take several bytes.
func TestNestedMessagesOfAnySize(t *testing.T) {
	for _, size := range []int{0, 1, 125, 126, 127, 128, 129, 16380, 16384, 1 << 21} {
		n := node{in: &node{inline: leaf{string(make([]byte, size))}, a: 5}, a: 9}
		b := Encode(&n)
		var back node
		if err := Decode(b, &back); err != nil || back.in.inline.s != n.in.inline.s || back.a != 9 || back.in.a != 5 {
			t.Fatalf("%d: %v", size, err)
		}
	}
}

func TestWhatIsLeftOverInANestedMessageIsMalformed(t *testing.T) {
	b := Encode(&node{in: &node{a: 1}})
	b = append(b[:2], append([]byte{0x3a, 0}, b[2:]...)...) // an unknown field before the known one
	b[1] += 2
	if err := Decode(b, new(node)); !errors.Is(err, ErrMalformed) {
		t.Fatal(err)
	}
}
