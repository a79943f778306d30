package storage

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/selection"
	"k8s.io/apiserver/pkg/storage"

	"cairn/events"
	"cairn/projections/apiserver/kinds"
	"cairn/projections/view"
)

// futureWait is how long a read waits for a revision that is not there yet.
const futureWait = 3 * time.Second

// Kind is storage.Interface for one kind.
type Kind struct {
	*Engine
	kind    *kinds.Kind
	newFunc func() runtime.Object
	hub     *hub
	// decorated: the registry changes what watchers get, so they get copies.
	decorated bool
}

// For returns the storage of a kind; newFunc makes the registry's internal object.
func (e *Engine) For(kind string, newFunc func() runtime.Object) (*Kind, error) {
	k := e.kinds[kind]
	if k == nil {
		return nil, fmt.Errorf("storage: kind %s is not served", kind)
	}
	return &Kind{Engine: e, kind: k, newFunc: newFunc, hub: e.hubs[kind], decorated: kind == events.Services}, nil
}

var versioner = storage.APIObjectVersioner{}

// Versioner is upstream's: a revision is a resourceVersion.
func (s *Kind) Versioner() storage.Versioner { return versioner }

// Prefix starts the keys of a kind: /KIND/[NAMESPACE/]NAME.
func Prefix(kind string) string { return "/" + kind }

func (s *Kind) ref(key string) (events.Ref, error) {
	rest := strings.TrimPrefix(strings.TrimPrefix(key, Prefix(s.kind.Name)), "/")
	ref := events.Ref{Kind: s.kind.Name, Name: rest}
	if s.kind.Namespaced {
		var ok bool
		if ref.Namespace, ref.Name, ok = strings.Cut(rest, "/"); !ok {
			return ref, apierrors.NewBadRequest("key " + key + " names no namespace")
		}
	}
	return ref, nil
}

// scope is the namespace of a list's key; empty: all.
func (s *Kind) scope(key string) string {
	if !s.kind.Namespaced {
		return ""
	}
	ns, _, _ := strings.Cut(strings.Trim(strings.TrimPrefix(key, Prefix(s.kind.Name)), "/"), "/")
	return ns
}

// current reads one object, now or at the request's moment.
func (s *Kind) current(ctx context.Context, ref events.Ref) (*view.Object, error) {
	return s.cell.Get(ref, moment(ctx))
}

// Get reads one object.
func (s *Kind) Get(ctx context.Context, key string, opts storage.GetOptions, into runtime.Object) error {
	ref, err := s.ref(key)
	if err != nil {
		return err
	}
	if err := s.ready(ctx, opts.ResourceVersion); err != nil {
		return err
	}
	obj, err := s.one(ctx, ref)
	if IsNotFound(err) {
		if opts.IgnoreNotFound {
			return runtime.SetZeroValue(into)
		}
		return storage.NewKeyNotFoundError(key, 0)
	}
	if err != nil {
		return apierrors.NewInternalError(err)
	}
	return internal(obj, into)
}

func (s *Kind) one(ctx context.Context, ref events.Ref) (kinds.Object, error) {
	if syn := s.synth[s.kind.Name]; syn != nil {
		for _, o := range syn.List() {
			if o.GetNamespace() == ref.Namespace && o.GetName() == ref.Name {
				return o, nil
			}
		}
		return nil, view.ErrNotFound
	}
	o, err := s.current(ctx, ref)
	if err != nil {
		return nil, err
	}
	return s.Object(o)
}

// ready takes a read point, or waits for the revision that the client has seen.
func (s *Kind) ready(ctx context.Context, rv string) error {
	if rv == "0" {
		return nil
	}
	if rv == "" {
		return s.settle(ctx)
	}
	want, err := versioner.ParseResourceVersion(rv)
	if err != nil {
		return apierrors.NewBadRequest("resourceVersion " + rv + " is not a number")
	}
	return s.await(ctx, events.Revision(want))
}

// await returns once the view has reached r; a revision too far ahead is refused.
func (s *Kind) await(ctx context.Context, r events.Revision) error {
	p := s.cell.Position()
	if p.Revision() >= r {
		return nil
	}
	wait, cancel := context.WithTimeout(ctx, futureWait)
	defer cancel()
	if err := s.cell.Wait(wait, r.Offset(p.R0)); err != nil {
		if wait.Err() != nil {
			return storage.NewTooLargeResourceVersionError(uint64(r), uint64(s.cell.Position().Revision()), 1)
		}
		return s.unavailable(err)
	}
	return nil
}

// GetList reads many objects, as of one revision.
func (s *Kind) GetList(ctx context.Context, key string, opts storage.ListOptions, into runtime.Object) error {
	prefix := strings.TrimSuffix(key, "/") + "/"
	with, from, err := storage.ValidateListOptions(prefix, versioner, opts)
	if err != nil {
		return err
	}
	if with == 0 {
		if err := s.ready(ctx, opts.ResourceVersion); err != nil {
			return err
		}
	} else if err := s.await(ctx, events.Revision(with)); err != nil {
		return err
	}
	if err := s.known(events.Revision(with)); err != nil {
		return err
	}
	at := s.listAt(ctx, events.Revision(with))
	items, err := meta.GetItemsPtr(into)
	if err != nil {
		return err
	}
	v := reflect.ValueOf(items).Elem()
	v.Set(reflect.MakeSlice(v.Type(), 0, 0))
	l := &listing{kind: s, pred: opts.Predicate, out: v, limit: int(opts.Predicate.Limit)}
	if f := opts.Predicate.Field; f != nil {
		l.exact = f.Requirements()
	}
	if !opts.Recursive {
		err = l.single(ctx, key, at)
	} else {
		err = l.pages(s.scope(key), from, at)
	}
	if err != nil {
		return err
	}
	token, remaining := "", (*int64)(nil)
	if l.more {
		if token, err = storage.EncodeContinue(prefix+l.last+"\x00", prefix, int64(at)); err != nil {
			return err
		}
	}
	return versioner.UpdateList(into, uint64(at), token, remaining)
}

// listAt is the revision a list is made at: never half a record.
func (s *Kind) listAt(ctx context.Context, with events.Revision) events.Revision {
	at := s.cell.Position().Revision()
	if m := moment(ctx); m != 0 {
		at = min(at, m.Last())
	}
	if with != 0 {
		at = min(at, with.Last())
	}
	return at
}

// known refuses revisions of before this incarnation: there is no past there.
func (s *Kind) known(r events.Revision) error {
	if r != 0 && r.Offset(s.cell.Position().R0) == events.NoOffset {
		return apierrors.NewResourceExpired(fmt.Sprintf("resourceVersion %s is from before this incarnation of the ledger; list again", r))
	}
	return nil
}

// listing collects the objects of one list call.
type listing struct {
	kind  *Kind
	pred  storage.SelectionPredicate
	out   reflect.Value
	exact fields.Requirements // of its field selector
	limit int
	last  string // below the prefix: the key of the last object looked at
	more  bool
}

func (l *listing) single(ctx context.Context, key string, at events.Revision) error {
	ref, err := l.kind.ref(key)
	if err != nil {
		return err
	}
	obj, err := l.kind.one(ctx, ref)
	if IsNotFound(err) {
		return nil
	}
	if err != nil {
		return apierrors.NewInternalError(err)
	}
	_, err = l.add(obj)
	return err
}

func (l *listing) pages(namespace, from string, at events.Revision) error {
	if syn := l.kind.synth[l.kind.kind.Name]; syn != nil {
		return l.synthetic(syn, namespace)
	}
	page := view.Page{Namespace: namespace, At: at, Limit: 0}
	if l.limit > 0 {
		page.Limit = max(l.limit, 100)
	}
	if from != "" {
		after, err := l.kind.ref(strings.TrimSuffix(from, "\x00"))
		if err != nil {
			return err
		}
		page.After = after
	}
	for {
		list, more, err := l.kind.cell.List(l.kind.kind.Name, page)
		if err != nil {
			return apierrors.NewInternalError(err)
		}
		for _, o := range list {
			if l.limit > 0 && l.out.Len() >= l.limit {
				l.more = true
				return nil
			}
			if err := l.object(o, namespace); err != nil {
				return err
			}
		}
		if !more || len(list) == 0 {
			return nil
		}
		page.After = list[len(list)-1].Ref
	}
}

func (l *listing) object(o *view.Object, namespace string) error {
	l.last = o.Ref.Name
	if l.kind.kind.Namespaced && namespace == "" {
		l.last = o.Ref.Namespace + "/" + o.Ref.Name
	}
	if o.Facts != nil && !l.pred.Label.Empty() && !l.pred.Label.Matches(labelsOf(o.Facts.Labels)) {
		return nil // decided without decoding
	}
	if l.excluded(o) {
		return nil
	}
	obj, err := l.kind.Object(o)
	if err != nil {
		return apierrors.NewInternalError(err)
	}
	_, err = l.add(obj)
	return err
}

// excluded tells whether a field selector rules o out by its row alone.
func (l *listing) excluded(o *view.Object) bool {
	for _, r := range l.exact {
		if v, known := kinds.Field(o, r.Field); known && (v == r.Value) != (r.Operator == selection.Equals || r.Operator == selection.DoubleEquals) {
			return true
		}
	}
	return false
}

func (l *listing) synthetic(syn Synthetic, namespace string) error {
	for _, o := range syn.List() {
		if namespace == "" || o.GetNamespace() == namespace {
			if _, err := l.add(o); err != nil {
				return err
			}
		}
	}
	return nil
}

func (l *listing) add(obj kinds.Object) (bool, error) {
	in := l.kind.newFunc()
	if err := internal(obj, in); err != nil {
		return false, apierrors.NewInternalError(err)
	}
	ok, err := l.pred.Matches(in)
	if err != nil || !ok {
		return false, err
	}
	l.out.Set(reflect.Append(l.out, reflect.ValueOf(in).Elem()))
	return true, nil
}

// facts' labels as a labels.Labels.
type labelsOf []events.Pair

func (l labelsOf) find(key string) (string, bool) {
	for _, p := range l {
		if p.Key == key {
			return p.Value, true
		}
	}
	return "", false
}

func (l labelsOf) Has(key string) bool              { _, ok := l.find(key); return ok }
func (l labelsOf) Get(key string) string            { v, _ := l.find(key); return v }
func (l labelsOf) Lookup(key string) (string, bool) { return l.find(key) }

// Stats counts the live objects of the kind.
func (s *Kind) Stats(context.Context) (storage.Stats, error) {
	list, _, err := s.cell.List(s.kind.Name, view.Page{})
	return storage.Stats{ObjectCount: int64(len(list))}, err
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

var _ storage.Interface = &Kind{}
