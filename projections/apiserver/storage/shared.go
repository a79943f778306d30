package storage

import (
	"bytes"
	"io"
	"sync"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"cairn/events"
	"cairn/projections/view"
)

// shared is an object on its way to many watchers: converted once, and each
// encoding of it made once. It is a runtime.CacheableObject.
//
// Invariant: object is never changed; who wants to, gets a copy.
type shared struct {
	object runtime.Object
	made   func(s *shared, bytes int) // notes an encoding
	mu     sync.Mutex
	by     map[runtime.Identifier]*encoding
}

type encoding struct {
	once  sync.Once
	bytes []byte
	err   error
}

func (s *shared) GetObjectKind() schema.ObjectKind { return s.object.GetObjectKind() }

// DeepCopyObject gives a plain object.
func (s *shared) DeepCopyObject() runtime.Object { return s.object.DeepCopyObject() }

// GetObject gives a plain object.
func (s *shared) GetObject() runtime.Object { return s.object.DeepCopyObject() }

// CacheEncode writes the encoding named id, which is made by the first who asks.
func (s *shared) CacheEncode(id runtime.Identifier, encode func(runtime.Object, io.Writer) error, w io.Writer) error {
	s.mu.Lock()
	e := s.by[id]
	if e == nil {
		e = &encoding{}
		s.by[id] = e
	}
	s.mu.Unlock()
	e.once.Do(func() {
		var b bytes.Buffer
		e.err = encode(s.object.DeepCopyObject(), &b)
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

// share converts o for watchers, as of the revision at which it is told.
func (s *Kind) share(o *view.Object, at events.Revision) (*shared, error) {
	c, k := s.hub.shares, sharedKey{o.Ref, o.Revision, at}
	if hit := c.get(k); hit != nil {
		return hit, nil
	}
	obj, err := s.Object(o)
	if err != nil {
		return nil, err
	}
	in := s.newFunc()
	if err := s.internal(obj, in); err != nil {
		return nil, err
	}
	if at != o.Revision {
		if err := versioner.UpdateObject(in, uint64(at)); err != nil {
			return nil, err
		}
	}
	made := func(s *shared, bytes int) { c.grow(k, s, bytes) }
	return c.put(k, &shared{object: in, made: made, by: map[runtime.Identifier]*encoding{}}, weigh(o)), nil
}
