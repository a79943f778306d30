package storage

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"cairn/projections/kinds"
	"cairn/projections/view"
)

// Stream is a list that is read while it is encoded, page by page, so that what
// it holds does not grow with the list. It goes through upstream's handler in
// the place of the registry's own list, as a runtime.CacheableObject: an
// encoder hands itself over to CacheEncode.
//
// The naive way is to fill the registry's list: each object decoded, copied,
// defaulted and converted into the internal version, then the list converted
// back and encoded. That took 120 us an object, and 160,000 config maps 1 GB.
type Stream struct {
	metav1.TypeMeta
	metav1.ListMeta
	newList func() runtime.Object // the registry's own
	// full is the registry's list, where one was needed after all: a selector
	// asks for what only a decoded object tells.
	full runtime.Object
	kind *Kind
	// each calls fn for the list's objects in order, always the same, and pause
	// when there is time to wait for the client. fn keeps nothing of an object.
	each func(fn func(*view.Object) error, pause func() error) error
}

var (
	_ runtime.Object          = &Stream{}
	_ runtime.CacheableObject = &Stream{}
	_ metav1.ListInterface    = &Stream{}
)

// NewStream gives a Stream in the place of what a registry's NewListFunc makes.
func NewStream(newList func() runtime.Object) func() runtime.Object {
	return func() runtime.Object { return &Stream{newList: newList} }
}

// DeepCopyObject gives s itself: what it reads does not change.
func (s *Stream) DeepCopyObject() runtime.Object { return s }

// GetObject gives the registry's list; empty where that was not made.
func (s *Stream) GetObject() runtime.Object {
	if s.full != nil {
		return s.full
	}
	return s.newList()
}

// CacheEncode writes the encoding named id. Nothing is cached.
func (s *Stream) CacheEncode(id runtime.Identifier, encode func(runtime.Object, io.Writer) error, w io.Writer) error {
	if s.full != nil {
		return encode(s.full, w)
	}
	out := newChunks(w)
	defer out.done()
	var err error
	switch form := formOf(id, s.kind.kind.Version.GroupVersion()); {
	case form == formJSON:
		err = s.json(out)
	case form == formProtobuf && isMessage(s.kind.kind.New()):
		err = s.protobuf(out)
	default:
		if err = s.fill(); err == nil {
			return encode(s.full, w)
		}
	}
	if err != nil && out.begun && out.failed == nil {
		// Half a list must not look like a whole one: the connection is cut.
		panic(http.ErrAbortHandler)
	}
	return err
}

// fill makes the registry's list of what the stream would read.
func (s *Stream) fill() error {
	list := s.newList()
	l, err := s.kind.filling(list)
	if err != nil {
		return err
	}
	if err := s.each(l.decoded, func() error { return nil }); err != nil {
		return err
	}
	m, ok := list.(metav1.ListMetaAccessor)
	if !ok {
		return fmt.Errorf("%T has no metadata", list)
	}
	m.GetListMeta().SetResourceVersion(s.ResourceVersion)
	m.GetListMeta().SetContinue(s.Continue)
	m.GetListMeta().SetRemainingItemCount(s.RemainingItemCount)
	s.full = list
	return nil
}

// form is an encoding that streams know.
type form int

const (
	formOther form = iota
	formJSON
	formProtobuf
)

// formOf reads the identifier of an encoder of upstream's: that of a codec which
// converts to a version, and names the encoder below it.
func formOf(id runtime.Identifier, to schema.GroupVersion) form {
	var codec struct{ Name, EncodeGV, Encoder string }
	if json.Unmarshal([]byte(id), &codec) != nil || codec.Name != "versioning" || codec.EncodeGV != to.String() {
		return formOther
	}
	if codec.Encoder == "protobuf" {
		return formProtobuf
	}
	var below map[string]string
	if json.Unmarshal([]byte(codec.Encoder), &below) == nil && below["name"] == "json" && below["yaml"] == "false" && below["pretty"] == "false" {
		return formJSON
	}
	return formOther
}

// json writes the list as upstream's streaming encoder does.
func (s *Stream) json(out *chunks) error {
	v := s.kind.kind.Version
	head, err := json.Marshal(s.ListMeta)
	if err != nil {
		return err
	}
	fmt.Fprintf(out.buf, `{"kind":%q,"apiVersion":%q,"metadata":%s,"items":[`, v.Kind+"List", v.GroupVersion().String(), head)
	items, first := json.NewEncoder(out.buf), true
	err = s.each(func(o *view.Object) error {
		if !first {
			out.buf.WriteByte(',')
		}
		first = false
		obj, err := s.shown(o)
		if err != nil {
			return err
		}
		if err := items.Encode(obj); err != nil {
			return fmt.Errorf("%s does not encode: %w", o.Ref, err)
		}
		out.buf.Truncate(out.buf.Len() - 1) // the encoder's line break
		return nil
	}, out.full)
	if err != nil {
		return err
	}
	out.buf.WriteString("]}\n")
	return out.flush()
}

// shown is o as it stands in a list: without kind and version. It is the
// caller's, but what it points to is shared.
func (s *Stream) shown(o *view.Object) (kinds.Object, error) {
	obj := s.kind.cache.get(o)
	if obj == nil {
		var err error
		if obj, err = s.kind.fresh(o); err != nil {
			return nil, err
		}
	}
	v := reflect.New(reflect.TypeOf(obj).Elem())
	v.Elem().Set(reflect.ValueOf(obj).Elem())
	obj = v.Interface().(kinds.Object)
	obj.GetObjectKind().SetGroupVersionKind(schema.GroupVersionKind{})
	return obj, nil
}

// chunkWrite is how much of a list gathers before it is written.
const chunkWrite = 64 << 10

// chunks writes a long answer piece by piece.
type chunks struct {
	w      io.Writer
	buf    *bytes.Buffer
	begun  bool  // something was written: an error can't become a status any more
	failed error // of the writer
}

// buffers are those of answers that are over. A burst fits in one.
var buffers = sync.Pool{New: func() any { return bytes.NewBuffer(make([]byte, 0, 2*burstBytes)) }}

func newChunks(w io.Writer) *chunks { return &chunks{w: w, buf: buffers.Get().(*bytes.Buffer)} }

func (c *chunks) done() {
	if c.buf.Cap() <= 4*burstBytes { // a single object may be as large as a record
		c.buf.Reset()
		buffers.Put(c.buf)
	}
}

// full writes what has gathered if that is a chunk.
func (c *chunks) full() error {
	if c.buf.Len() < chunkWrite {
		return nil
	}
	return c.flush()
}

func (c *chunks) flush() error {
	err := c.write(c.buf.Bytes())
	c.buf.Reset()
	return err
}

func (c *chunks) write(b []byte) error {
	if !c.begun && len(b) > len(protoMagic) {
		// Upstream's writer tells a stream, which it gathers until it knows
		// whether to compress, by a first write as short as this.
		n := len(protoMagic)
		if b[0] == '{' {
			n = 1
		}
		c.begun = true
		if _, c.failed = c.w.Write(b[:n]); c.failed != nil {
			return c.failed
		}
		b = b[n:]
	}
	c.begun = true
	_, c.failed = c.w.Write(b)
	return c.failed
}
