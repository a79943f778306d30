package storage

import (
	"errors"
	"fmt"

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

// protobuf writes the list as upstream's streaming encoder does: the magic,
// runtime.Unknown around the list, and in it metadata and items.
func (s *Stream) protobuf(out *chunks) error {
	head, err := s.ListMeta.Marshal()
	if err != nil {
		return err
	}
	head = protowire.AppendBytes(protowire.AppendTag(nil, listMetaField, protowire.BytesType), head)
	gathered, n, total := head, 0, len(head)
	err = s.each(func(o *view.Object) error {
		item, err := s.item(o)
		if err != nil {
			return err
		}
		size := item.size()
		framed := protowire.SizeTag(listItems) + protowire.SizeBytes(size)
		if total += framed; total <= gatherBytes {
			n++
			gathered = protowire.AppendVarint(protowire.AppendTag(gathered, listItems, protowire.BytesType), uint64(size))
			gathered, err = item.append(gathered)
		}
		return err
	})
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
	out.buf.Write(append(b, gathered...))
	if total > gatherBytes {
		if err := s.itemsAfter(out, n, total-len(gathered)); err != nil {
			return err
		}
	}
	// contentEncoding and contentType, empty, as the generated code writes them.
	out.buf.Write([]byte{0x1a, 0, 0x22, 0})
	return out.flush()
}

var errLength = errors.New("BUG: a list was not as long when it was read again")

// itemsAfter writes the items but for the first n, which are so many bytes.
func (s *Stream) itemsAfter(out *chunks, n, bytes int) error {
	i := 0
	var scratch []byte
	err := s.each(func(o *view.Object) error {
		if i++; i <= n {
			return nil
		}
		item, err := s.item(o)
		if err != nil {
			return err
		}
		scratch = protowire.AppendVarint(protowire.AppendTag(scratch[:0], listItems, protowire.BytesType), uint64(item.size()))
		if scratch, err = item.append(scratch); err != nil {
			return err
		}
		bytes -= len(scratch)
		out.buf.Write(scratch)
		return out.full()
	})
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
	if s.kind.kind.Verbatim && o.Spec != nil && o.Spec.Key == "" && o.Status == nil && o.Spec.Encoding == Encoding {
		if message, ok := unwrap(o.Spec.Data); ok {
			if cut, ok := splice(message); ok {
				return item{cut: cut, revision: o.Revision.String()}, nil
			}
		}
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

func (i *item) append(b []byte) ([]byte, error) {
	if i.made == nil {
		return i.cut.append(b, i.revision), nil
	}
	at := len(b)
	b = append(b, make([]byte, i.bytes)...)
	_, err := i.made.MarshalTo(b[at:])
	return b, err
}
