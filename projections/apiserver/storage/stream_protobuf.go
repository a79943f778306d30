package storage

import (
	"errors"
	"fmt"
	"slices"
	"sync"

	"google.golang.org/protobuf/encoding/protowire"
	"k8s.io/apimachinery/pkg/runtime"

	"cairn/projections/view"
)

// gatherBytes is how much of a protobuf list is encoded before its length is
// known. The length stands before the content: a longer list is read twice,
// first for its length alone.
const gatherBytes = 2 << 20

// protoMessage is what generated protobuf types can do.
type protoMessage interface {
	Size() int
	MarshalTo(b []byte) (int, error)
}

func isMessage(o runtime.Object) bool { _, ok := o.(protoMessage); return ok }

// gathers are the buffers of lists whose length is looked for.
var gathers = sync.Pool{New: func() any { b := make([]byte, 0, gatherBytes); return &b }}

// protobuf writes the list as upstream's streaming encoder does: the magic,
// runtime.Unknown around the list, and in it metadata and items.
func (s *Stream) protobuf(out *chunks) error {
	buf := gathers.Get().(*[]byte)
	defer gathers.Put(buf)
	head, err := s.ListMeta.Marshal()
	if err != nil {
		return err
	}
	gathered := protowire.AppendBytes(protowire.AppendTag((*buf)[:0], listMetaField, protowire.BytesType), head)
	n, total := 0, len(gathered)
	err = s.each(func(o *view.Object) error {
		item, err := s.item(o)
		if err != nil {
			return err
		}
		total += item.framed()
		if total <= gatherBytes {
			n++
			gathered, err = item.append(gathered)
		}
		return err
	}, func() error { return nil })
	if err != nil {
		return err
	}
	v := s.kind.kind.Version
	kind, err := (&runtime.TypeMeta{APIVersion: v.GroupVersion().String(), Kind: v.Kind + "List"}).Marshal()
	if err != nil {
		return err
	}
	b := protowire.AppendBytes(protowire.AppendTag([]byte(protoMagic), unknownTypeMeta, protowire.BytesType), kind)
	b = protowire.AppendVarint(protowire.AppendTag(b, unknownRaw, protowire.BytesType), uint64(total))
	if err := errors.Join(out.write(b), out.write(gathered)); err != nil {
		return err
	}
	if total > len(gathered) {
		if err := s.itemsAfter(out, n, total-len(gathered)); err != nil {
			return err
		}
	}
	out.buf.Write(wrapEnd)
	return out.flush()
}

var errLength = errors.New("BUG: a list was not as long when it was read again")

// itemsAfter writes the items but for the first n, which are so many bytes.
func (s *Stream) itemsAfter(out *chunks, n, bytes int) error {
	i := 0
	err := s.each(func(o *view.Object) error {
		if i++; i <= n {
			return nil
		}
		item, err := s.item(o)
		if err != nil {
			return err
		}
		b, err := item.append(out.buf.AvailableBuffer())
		bytes -= len(b)
		out.buf.Write(b)
		return err
	}, out.full)
	if err == nil && bytes != 0 {
		err = errLength
	}
	return err
}

// item is one object of a protobuf list: cut from what is stored, or made.
type item struct {
	cut      spliced
	revision string
	made     protoMessage // nil: cut
	bytes    int          // of made
}

// item cuts what is stored where the kind shows it as it is; else it renders.
func (s *Stream) item(o *view.Object) (item, error) {
	if c := s.kind.cutting(o); c != nil {
		return item{cut: c.spliced, revision: o.Revision.String()}, nil
	}
	obj, err := s.shown(o)
	if err != nil {
		return item{}, err
	}
	m, ok := obj.(protoMessage)
	if !ok {
		return item{}, fmt.Errorf("%s has no protobuf", o.Ref)
	}
	return item{made: m, bytes: m.Size()}, nil
}

func (i *item) size() int {
	if i.made != nil {
		return i.bytes
	}
	return i.cut.size(i.revision)
}

// framed is the size of the item with its place in the list.
func (i *item) framed() int { return protowire.SizeTag(listItems) + protowire.SizeBytes(i.size()) }

// append adds the item with its place in the list to b.
func (i *item) append(b []byte) ([]byte, error) {
	b = protowire.AppendVarint(protowire.AppendTag(b, listItems, protowire.BytesType), uint64(i.size()))
	if i.made == nil {
		return i.cut.append(b, i.revision), nil
	}
	at := len(b)
	b = slices.Grow(b, i.bytes)[:at+i.bytes]
	_, err := i.made.MarshalTo(b[at:])
	return b, err
}
