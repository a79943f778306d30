package storage

import (
	"bytes"
	"encoding/json"
	"io"
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"cairn/events"
	"cairn/projections/view"
)

// shared is an object on its way to many watchers: converted once at most, and
// each encoding of it made once. It is a runtime.CacheableObject.
//
// A kind that is shown verbatim is not even decoded for those who want protobuf,
// as informers do: what is stored goes out with another resourceVersion.
//
// Invariant: what whole gives is never changed; who wants to, gets a copy.
type shared struct {
	kind     *Kind
	row      *view.Object
	at       events.Revision // at which it is told
	cut      *cutting        // nil: it must be decoded
	made     func(s *shared, bytes int)
	decoding sync.Once
	object   runtime.Object
	err      error
	mu       sync.Mutex
	by       map[runtime.Identifier]*encoding
}

type encoding struct {
	once  sync.Once
	bytes []byte
	err   error
}

// whole is the registry's object.
func (s *shared) whole() (runtime.Object, error) {
	s.decoding.Do(func() {
		obj, err := s.kind.Object(s.row)
		if err != nil {
			s.err = err
			return
		}
		in := s.kind.newFunc()
		if s.err = s.kind.internal(obj, in); s.err == nil && s.at != s.row.Revision {
			s.err = versioner.UpdateObject(in, uint64(s.at))
		}
		s.object = in
	})
	return s.object, s.err
}

// GetObjectKind is empty, as that of any object of a registry.
func (s *shared) GetObjectKind() schema.ObjectKind { return schema.EmptyObjectKind }

// DeepCopyObject gives a plain object.
func (s *shared) DeepCopyObject() runtime.Object { return s.GetObject() }

// GetObject gives a plain object, or says why there is none.
func (s *shared) GetObject() runtime.Object {
	obj, err := s.whole()
	if err != nil {
		return &metav1.Status{Status: metav1.StatusFailure, Reason: metav1.StatusReasonInternalError, Message: err.Error()}
	}
	return obj.DeepCopyObject()
}

// CacheEncode writes the encoding named id, which is made by the first who asks.
func (s *shared) CacheEncode(id runtime.Identifier, encode func(runtime.Object, io.Writer) error, w io.Writer) error {
	if s.cut != nil {
		switch watchFormOf(id, s.kind.kind.Version.GroupVersion()) {
		case formProtobuf:
			return s.cut.write(w, s.at)
		case formEventOfProtobuf:
			return encode(s, w) // which comes back for the object in it
		}
	}
	s.mu.Lock()
	e := s.by[id]
	if e == nil {
		e = &encoding{}
		s.by[id] = e
	}
	s.mu.Unlock()
	e.once.Do(func() {
		obj, err := s.whole()
		if err != nil {
			e.err = err
			return
		}
		var b bytes.Buffer
		e.err = encode(obj.DeepCopyObject(), &b)
		e.bytes = b.Bytes()
		s.made(s, len(e.bytes))
	})
	if e.err != nil {
		return e.err
	}
	_, err := w.Write(e.bytes)
	return err
}

// forget drops the encodings; who asks again makes one for himself.
func (s *shared) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.by)
}

type sharedKey struct {
	ref          events.Ref
	revision, at events.Revision
}

// share gives o for watchers, as of the revision at which it is told.
func (s *Kind) share(o *view.Object, at events.Revision) (*shared, error) {
	c, k := s.hub.shares, sharedKey{o.Ref, o.Revision, at}
	if hit := c.get(k); hit != nil {
		return hit, nil
	}
	sh := &shared{kind: s, row: o, at: at, cut: s.cutting(o), by: map[runtime.Identifier]*encoding{}}
	sh.made = func(s *shared, bytes int) { c.grow(k, s, bytes) }
	if sh.cut == nil {
		if _, err := sh.whole(); err != nil {
			return nil, err
		}
	}
	return c.put(k, sh, weigh(o)), nil
}

// cutting is a stored object cut up, with the wrapping around it.
type cutting struct {
	spliced
	wrap []byte // what stands before the message's length
}

// cutting cuts o, if its kind is shown as it is stored; else nil.
func (s *Kind) cutting(o *view.Object) *cutting {
	if !s.kind.Verbatim || o.Spec == nil || o.Spec.Key != "" || o.Status != nil || o.Spec.Encoding != Encoding {
		return nil
	}
	wrap, message, ok := unwrap(o.Spec.Data)
	if !ok {
		return nil
	}
	cut, ok := splice(message)
	if !ok {
		return nil
	}
	return &cutting{cut, wrap}
}

var scratches = sync.Pool{New: func() any { return new([]byte) }}

// write writes the object as the protobuf serializer does.
func (c *cutting) write(w io.Writer, at events.Revision) error {
	scratch := scratches.Get().(*[]byte)
	defer scratches.Put(scratch)
	b := c.appendWrapped((*scratch)[:0], at.String())
	if cap(b) <= burstBytes {
		*scratch = b
	}
	_, err := w.Write(b)
	return err
}

// formEventOfProtobuf is a watch event around an object in protobuf.
const formEventOfProtobuf form = -1

var watchForms sync.Map // of identifiers and versions; there are as many as media types

// watchFormOf is formOf for what watches encode: events, and objects in them.
func watchFormOf(id runtime.Identifier, to schema.GroupVersion) form {
	type key struct {
		id runtime.Identifier
		to schema.GroupVersion
	}
	k := key{id, to}
	if f, ok := watchForms.Load(k); ok {
		return f.(form)
	}
	f := formOf(id, to)
	var event struct{ Name, EmbeddedEncoder string }
	if f == formOther && json.Unmarshal([]byte(id), &event) == nil && event.Name == "watch" &&
		formOf(runtime.Identifier(event.EmbeddedEncoder), to) == formProtobuf {
		f = formEventOfProtobuf
	}
	watchForms.Store(k, f)
	return f
}
