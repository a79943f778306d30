package storage

import (
	"context"
	"strings"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/storage"

	"cairn/events"
	"cairn/projections/kinds"
	"cairn/projections/view"
)

// Kind is storage.Interface for one kind.
type Kind struct {
	*Engine
	kind    *kinds.Kind
	newFunc func() runtime.Object
	hub     *hub
	// decorated: the registry changes what watchers get, so they get copies.
	decorated bool
}

var _ storage.Interface = &Kind{}

// For returns the storage of a kind; newFunc makes the registry's internal object.
func (e *Engine) For(kind string, newFunc func() runtime.Object) (*Kind, error) {
	k, err := e.kind(kind)
	if err != nil {
		return nil, err
	}
	return &Kind{Engine: e, kind: k, newFunc: newFunc, hub: e.hub(kind), decorated: kind == events.Services}, nil
}

var versioner = storage.APIObjectVersioner{}

// Versioner is upstream's: a revision is a resourceVersion.
func (s *Kind) Versioner() storage.Versioner { return versioner }

// Prefix starts the keys of a kind: /KIND/[NAMESPACE/]NAME.
func Prefix(kind string) string { return "/" + kind }

// below gives what of a key comes after /KIND/. What is listed has its / there.
func (s *Kind) below(key string, recursive bool) (string, error) {
	prefix := Prefix(s.kind.Name) + "/"
	key, err := storage.PrepareKey(prefix, key, recursive)
	return strings.TrimPrefix(key, prefix), err
}

// ref reads the key of one object. A key that names none (a namespace, or
// nothing) gives a ref that is never found.
func (s *Kind) ref(key string) (events.Ref, error) {
	rest, err := s.below(key, false)
	return s.refOf(rest), err
}

func (s *Kind) refOf(rest string) events.Ref {
	ref := events.Ref{Kind: s.kind.Name, Name: rest}
	if ns, name, ok := strings.Cut(rest, "/"); ok && s.kind.Namespaced {
		ref.Namespace, ref.Name = ns, name
	}
	return ref
}

// scope is what a list's or watch's key covers.
type scope struct {
	namespace string // empty: all
	name      string // not empty: this object alone
	nothing   bool   // keys below an object's own: there are none
}

func (s *Kind) scope(key string, recursive bool) (scope, error) {
	rest, err := s.below(key, recursive)
	if err != nil {
		return scope{}, err
	}
	if !recursive {
		ref := s.refOf(rest)
		return scope{namespace: ref.Namespace, name: ref.Name, nothing: ref.Name == ""}, nil
	}
	rest = strings.TrimSuffix(rest, "/")
	if rest == "" {
		return scope{}, nil
	}
	return scope{namespace: rest, nothing: !s.kind.Namespaced || strings.Contains(rest, "/")}, nil
}

func (c scope) covers(ref events.Ref) bool {
	return !c.nothing && (c.namespace == "" || c.namespace == ref.Namespace) && (c.name == "" || c.name == ref.Name)
}

// Stats counts the live objects of the kind.
func (s *Kind) Stats(context.Context) (storage.Stats, error) {
	n, err := s.cell.Count(s.kind.Name, view.Page{})
	return storage.Stats{ObjectCount: int64(n)}, err
}

// ReadinessCheck answers nil once the view has folded record 0.
func (s *Kind) ReadinessCheck() error {
	if s.cell.Position().Cell == nil {
		return storage.ErrStorageNotReady
	}
	return nil
}

// GetCurrentResourceVersion is the view's position after a read point.
func (s *Kind) GetCurrentResourceVersion(ctx context.Context) (uint64, error) {
	if err := s.settle(ctx); err != nil {
		return 0, err
	}
	return uint64(s.cell.Position().Revision()), nil
}

// RequestWatchProgress wakes the kind's watchers, which then send what they have.
func (s *Kind) RequestWatchProgress(context.Context) error { s.hub.wake(); return nil }

// EnableResourceSizeEstimation does nothing: sizes are in the ledger's figures.
func (s *Kind) EnableResourceSizeEstimation(storage.KeysFunc) error { return nil }

// CompactRevision is 0: nothing is ever compacted.
func (s *Kind) CompactRevision() int64 { return 0 }
