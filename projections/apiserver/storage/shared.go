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
	mu     sync.Mutex
	made   map[runtime.Identifier]*encoding
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
	e := s.made[id]
	if e == nil {
		e = &encoding{}
		s.made[id] = e
	}
	s.mu.Unlock()
	e.once.Do(func() {
		var b bytes.Buffer
		e.err = encode(s.object.DeepCopyObject(), &b)
		e.bytes = b.Bytes()
	})
	if e.err != nil {
		return e.err
	}
	_, err := w.Write(e.bytes)
	return err
}

// sharedLimit bounds the objects a kind keeps for its watchers.
const sharedLimit = 4096

type sharedKey struct {
	ref          events.Ref
	revision, at events.Revision
}

// share converts o for watchers, as of the revision at which it is told.
func (s *Kind) share(o *view.Object, at events.Revision) (*shared, error) {
	h, k := s.hub, sharedKey{o.Ref, o.Revision, at}
	h.mu.Lock()
	hit := h.shared[k]
	h.mu.Unlock()
	if hit != nil {
		return hit, nil
	}
	obj, err := s.Object(o)
	if err != nil {
		return nil, err
	}
	in := s.newFunc()
	if err := internal(obj, in); err != nil {
		return nil, err
	}
	if at != o.Revision {
		if err := versioner.UpdateObject(in, uint64(at)); err != nil {
			return nil, err
		}
	}
	made := &shared{object: in, made: map[runtime.Identifier]*encoding{}}
	h.mu.Lock()
	defer h.mu.Unlock()
	if hit := h.shared[k]; hit != nil {
		return hit, nil
	}
	if h.shared == nil || len(h.shared) >= sharedLimit {
		h.shared = map[sharedKey]*shared{}
	}
	h.shared[k] = made
	return made, nil
}
