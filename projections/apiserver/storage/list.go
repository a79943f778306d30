package storage

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/selection"
	"k8s.io/apiserver/pkg/storage"

	"cairn/events"
	"cairn/projections/kinds"
	"cairn/projections/view"
)

// GetList reads many objects, as of one revision.
func (s *Kind) GetList(ctx context.Context, key string, opts storage.ListOptions, into runtime.Object) error {
	covers, err := s.scope(key, opts.Recursive)
	if err != nil {
		return err
	}
	prefix := strings.TrimSuffix(key, "/") + "/"
	exact, from, err := storage.ValidateListOptions(prefix, versioner, opts)
	if err != nil {
		return err
	}
	at, said, err := s.listMoment(ctx, events.Revision(exact), from != "", opts.ResourceVersion)
	if err != nil {
		return err
	}
	l := &listing{kind: s, scope: covers, at: at, pred: opts.Predicate, limit: int(opts.Predicate.Limit)}
	if f := opts.Predicate.Field; f != nil {
		l.exact = f.Requirements()
	}
	if into, err = l.collect(into, strings.TrimPrefix(from, prefix)); err != nil {
		return err
	}
	token, remaining := "", (*int64)(nil)
	if l.more {
		if token, err = storage.EncodeContinue(prefix+l.last+"\x00", prefix, int64(said)); err != nil {
			return err
		}
		if remaining, err = l.remaining(); err != nil {
			return storage.NewInternalError(err)
		}
	}
	return versioner.UpdateList(into, uint64(said), token, remaining)
}

// listMoment decides at which revision a list is made, and what the answer says:
// who asks for one exactly is told that one.
func (s *Kind) listMoment(ctx context.Context, exact events.Revision, continued bool, rv string) (at, said events.Revision, err error) {
	switch {
	case exact != 0:
		err = s.await(ctx, exact)
	case continued: // from where it was left, as of now
		err = s.settle(ctx)
	default:
		err = s.ready(ctx, rv)
	}
	if err == nil {
		err = s.known(exact)
	}
	if err != nil {
		return 0, 0, err
	}
	at = s.listAt(ctx, exact)
	if exact != 0 && at == exact.Last() {
		return at, exact, nil
	}
	return at, at, nil
}

// listing collects the objects of one list call.
type listing struct {
	kind  *Kind
	scope scope
	at    events.Revision
	pred  storage.SelectionPredicate
	out   reflect.Value            // the slice of items
	take  func(*view.Object) error // not nil: takes objects as they are, and out is not used
	pause func() error             // not nil: called between bursts, and take keeps nothing
	taken int                      // objects in out, or taken
	exact fields.Requirements      // of its field selector
	limit int
	last  string     // below the prefix: the key of the last object looked at
	after events.Ref // that object
	from  events.Ref // the object behind which the list began; zero: at its own beginning, or elsewhere
	more  bool
}

// collect puts the list into what its caller gave, and returns where its
// metadata go. A stream without a limit reads by itself, later.
func (l *listing) collect(into runtime.Object, from string) (runtime.Object, error) {
	s, streams := into.(*Stream)
	if streams && !l.told() {
		s.full = s.newList()
		into, streams = s.full, false
	}
	if !streams {
		fill, err := l.kind.filling(into)
		if err != nil {
			return nil, err
		}
		l.out = fill.out
		return into, l.run(from)
	}
	s.kind = l.kind
	if l.limit == 0 {
		s.each = func(fn func(*view.Object) error, pause func() error) error {
			again := *l
			again.take, again.pause = fn, pause
			return again.run(from)
		}
		return into, nil
	}
	var page []*view.Object
	l.take = func(o *view.Object) error { page = append(page, o); return nil }
	s.each = func(fn func(*view.Object) error, pause func() error) error {
		for _, o := range page {
			if err := errors.Join(fn(o), pause()); err != nil {
				return err
			}
		}
		return nil
	}
	return into, l.run(from)
}

// told reports whether rows alone tell what is on the list.
func (l *listing) told() bool {
	return l.scope.name == "" && l.kind.synth[l.kind.kind.Name] == nil && len(l.exact) == 0 && l.pred.ShardSelector == nil &&
		(l.pred.Label.Empty() || !l.kind.kind.Bodiless)
}

// filling is a listing that fills a registry's list.
func (s *Kind) filling(list runtime.Object) (*listing, error) {
	items, err := meta.GetItemsPtr(list)
	if err != nil {
		return nil, err
	}
	v := reflect.ValueOf(items).Elem()
	v.Set(reflect.MakeSlice(v.Type(), 0, 0))
	return &listing{kind: s, out: v, pred: storage.Everything}, nil
}

// run collects from the key given on, which is below the list's own; empty: all.
func (l *listing) run(from string) error {
	switch {
	case l.scope.nothing:
		return nil
	case l.scope.name != "":
		return l.single()
	case l.kind.synth[l.kind.kind.Name] != nil:
		return l.synthetic(l.kind.synth[l.kind.kind.Name])
	}
	if from != "" {
		if err := l.resume(from); err != nil {
			return err
		}
	}
	if l.pause != nil {
		return l.bursts()
	}
	return l.pages()
}

// bursts walks the objects, and stops now and then for the answer to be sent:
// while it walks, the view holds on to what it reads.
func (l *listing) bursts() error {
	page := view.Page{Namespace: l.scope.namespace, At: l.at, After: l.after, Bare: l.kind.kind.Render == nil && l.pred.Label.Empty()}
	for stopped := true; stopped; {
		bytes := 0
		stopped = false
		err := l.kind.cell.Walk(l.kind.kind.Name, page, func(o *view.Object) (bool, error) {
			page.After = o.Ref
			bytes += weigh(o)
			stopped = bytes >= burstBytes
			return !stopped, l.object(o)
		})
		if err == nil {
			err = l.pause()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (l *listing) ref(name string) events.Ref {
	if l.scope.namespace != "" {
		return events.Ref{Kind: l.kind.kind.Name, Namespace: l.scope.namespace, Name: name}
	}
	return l.kind.refOf(name)
}

func (l *listing) single() error {
	obj, err := l.kind.one(l.ref(l.scope.name), l.at)
	if IsNotFound(err) {
		return nil
	}
	if err != nil {
		return storage.NewInternalError(err)
	}
	return l.add(obj)
}

// resume goes to where a token points: behind the object before a NUL, else to
// that object itself.
func (l *listing) resume(from string) error {
	name, behind := strings.CutSuffix(from, "\x00")
	l.after = l.ref(name)
	if behind {
		l.from = l.after
		return nil
	}
	o, err := l.kind.cell.Get(l.after, l.at)
	if IsNotFound(err) {
		return nil
	}
	if err != nil {
		return storage.NewInternalError(err)
	}
	return l.object(o)
}

func (l *listing) pages() error {
	page := view.Page{Namespace: l.scope.namespace, At: l.at, After: l.after, Limit: pageMost}
	if l.limit > 0 {
		page.Limit = min(max(l.limit+1, 100), pageMost)
	}
	for {
		list, more, err := l.kind.cell.List(l.kind.kind.Name, page)
		if err != nil {
			return storage.NewInternalError(err)
		}
		for _, o := range list {
			if l.limit > 0 && l.taken >= l.limit {
				l.more = true
				return nil
			}
			if err := l.object(o); err != nil {
				return err
			}
		}
		if !more || len(list) == 0 {
			return nil
		}
		page.After, page.Limit = list[len(list)-1].Ref, pageOf(list)
	}
}

// pageOf is how many objects to read at once where the last ones were these:
// about pageBytes of them.
func pageOf(list []*view.Object) int {
	sum := 0
	for _, o := range list {
		sum += weigh(o)
	}
	return min(max(pageBytes/(sum/len(list)), 1), pageMost)
}

func (l *listing) object(o *view.Object) error {
	l.after, l.last = o.Ref, o.Ref.Name
	if l.kind.kind.Namespaced && l.scope.namespace == "" {
		l.last = o.Ref.Namespace + "/" + o.Ref.Name
	}
	if o.Facts != nil && !l.pred.Label.Empty() && !l.pred.Label.Matches(labelsOf(o.Facts.Labels)) {
		return nil // decided without decoding
	}
	if l.excluded(o) {
		return nil
	}
	if l.take != nil {
		l.taken++
		return l.take(o)
	}
	return l.decoded(o)
}

func (l *listing) decoded(o *view.Object) error {
	obj, err := l.kind.Object(o)
	if err != nil {
		return storage.NewInternalError(fmt.Errorf("unable to transform key %q: %w", "/"+o.Ref.String(), err)) // upstream's words
	}
	return l.add(obj)
}

// excluded reports whether a field selector rules o out by its row alone.
func (l *listing) excluded(o *view.Object) bool {
	for _, r := range l.exact {
		if v, known := l.kind.kind.FieldOf(o, r.Field); known && (v == r.Value) != (r.Operator == selection.Equals || r.Operator == selection.DoubleEquals) {
			return true
		}
	}
	return false
}

func (l *listing) synthetic(syn Synthetic) error {
	for _, o := range syn.List() {
		if l.scope.namespace == "" || o.GetNamespace() == l.scope.namespace {
			if err := l.add(o); err != nil {
				return err
			}
		}
	}
	return nil
}

func (l *listing) add(obj kinds.Object) error {
	in := l.kind.newFunc()
	if err := l.kind.internal(obj, in); err != nil {
		return storage.NewInternalError(err)
	}
	ok, err := l.pred.Matches(in)
	if err != nil || !ok {
		return err
	}
	l.out.Set(reflect.Append(l.out, reflect.ValueOf(in).Elem()))
	l.taken++
	return nil
}

// burstBytes is about how much of the view a stream goes through at a time.
const burstBytes = 256 << 10

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
