package store

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"cairn/events"
	"cairn/projections/digest"
	"cairn/projections/fold"
	"cairn/projections/view"
)

const window = 100

// model is the slow and obvious view: a copy of everything after each record.
type model struct {
	random  *rand.Rand
	r0      uint64
	live    map[events.Ref]*view.Object
	moments []map[events.Ref]*view.Object // by offset
	deltas  []view.Delta
	results []*fold.Result
	digest  *digest.Digest
}

func newModel(seed uint64) *model {
	return &model{random: rand.New(rand.NewPCG(seed, 7)), r0: 5, live: map[events.Ref]*view.Object{}, digest: digest.New()}
}

func (m *model) part(c events.Column) *events.Part {
	return &events.Part{Column: c, Encoding: "x", Data: fmt.Appendf(nil, "body %d %0*d", m.random.Uint32(), m.random.IntN(300), 0)}
}

// step makes the next record's result and applies it to the model.
func (m *model) step() *fold.Result {
	o := events.Offset(len(m.moments))
	r := &fold.Result{Offset: o, Time: int64(o/3) * 1000, Event: &events.Event{Type: events.ObjectUpdated, Actor: events.Actor{User: "alice"}}}
	if o == 0 {
		r.Event = &events.Event{Type: events.CellCreated, Facts: events.Facts{Cell: &events.Cell{Name: "c", Incarnation: "i", R0: m.r0, Window: window}}}
	}
	r.Event.Subject = m.ref()
	for c := o - 1 - events.Offset(m.random.IntN(9)); c >= 0 && m.random.IntN(3) > 0; c -= 1 + events.Offset(m.random.IntN(9)) {
		r.Event.Cause = append(r.Event.Cause, c)
	}
	if o > 0 && m.random.IntN(5) == 0 {
		r.Outcome = fold.Outcome{Code: fold.Moved, Reason: fold.OtherRevision, Args: []string{"a", "", "b"}}
	} else if o > 0 {
		r.Changes = m.changes(o, r.Event.Subject)
	}
	m.moments = append(m.moments, maps.Clone(m.live))
	m.results = append(m.results, r)
	return r
}

func (m *model) ref() events.Ref {
	kinds := []string{"pods", "podsx", "event"}
	return events.Ref{Kind: kinds[m.random.IntN(3)], Namespace: awkward[m.random.IntN(6)], Name: awkward[1+m.random.IntN(len(awkward)-1)]}
}

func (m *model) changes(o events.Offset, subject events.Ref) []fold.Change {
	refs := map[events.Ref]bool{subject: true}
	for range m.random.IntN(3) {
		refs[m.ref()] = true
	}
	var list []fold.Change
	for _, ref := range slices.SortedFunc(maps.Keys(refs), events.Ref.Compare) {
		at := events.RevisionOf(m.r0, o, len(list))
		list = append(list, m.change(ref, at))
	}
	return list
}

func (m *model) change(ref events.Ref, at events.Revision) fold.Change {
	old := m.live[ref]
	if old != nil && m.random.IntN(3) == 0 {
		delete(m.live, ref)
		gone := *old
		gone.Revision, gone.Written = at, old.Written
		m.deltas = append(m.deltas, view.Delta{Ref: ref, Revision: at, Deleted: true, Object: &gone, Previous: old})
		return fold.Change{Ref: ref, UID: old.UID, Revision: at, Written: old.Written, Created: old.Created, Deleted: true, Facts: old.Facts}
	}
	now := &view.Object{Ref: ref, UID: fmt.Sprint("u", at), Written: at, Created: at}
	if old != nil {
		c := *old
		now = &c
	}
	now.Revision = at
	c := fold.Change{Ref: ref}
	if old == nil || m.random.IntN(2) == 0 {
		c.FactsChanged, now.Facts = old != nil, nil
		if m.random.IntN(4) > 0 {
			now.Facts = &events.Facts{Generation: uint64(at) * m.random.Uint64N(2)} // none differs from one that says nothing
		}
	}
	if m.random.IntN(2) == 0 {
		c.ProjectedChanged, now.Projected = true, nil
		if m.random.IntN(4) > 0 {
			now.Projected = &fold.Projected{Pod: &fold.PodState{Epoch: uint64(at), Ready: true}}
		}
	}
	if m.random.IntN(2) == 0 {
		c.Spec = m.part(events.Spec)
		now.Spec = c.Spec
	}
	if m.random.IntN(3) == 0 {
		c.Status = m.part(events.Status)
		now.Status = c.Status
	}
	c.UID, c.Revision, c.Written, c.Created, c.Facts, c.Projected = now.UID, at, now.Written, now.Created, now.Facts, now.Projected
	m.live[ref] = now
	m.deltas = append(m.deltas, view.Delta{Ref: ref, Revision: at, Object: now, Previous: old})
	return c
}

// commit folds n more records into s as one batch.
func (m *model) commit(t *testing.T, s *Store, n int) {
	t.Helper()
	var b Batch
	for range n {
		r := m.step()
		b.Entries = append(b.Entries, entry(s, m.digest, r))
	}
	b.Position, b.Lanes = m.digest.Settle(), m.digest.Lanes()
	if err := s.Commit(&b); err != nil {
		t.Fatal(err)
	}
}

// rowsOf are what changes of the fold's rows with a record.
func rowsOf(o events.Offset) []fold.Row {
	return []fold.Row{{Key: []byte{9, byte(o % 50)}, Value: fmt.Appendf(nil, "%d", o)}, {Key: []byte{9, byte((o + 7) % 50)}}}
}

// entry is r as the follower hands it on.
func entry(s *Store, d *digest.Digest, r *fold.Result) Entry {
	cols := digest.Encode(r)
	e := Entry{Result: r, Columns: cols, Bytes: 7, Leaf: [32]byte{byte(r.Offset), 1}, Chain: d.Add(r, cols), Rows: rowsOf(r.Offset)}
	if s.SnapshotAfter(r.Offset) {
		at := d.Settle()
		e.At = &at
	}
	return e
}

// list is what page should give.
func (m *model) list(kind string, page view.Page) ([]*view.Object, bool) {
	moment := m.moments[len(m.moments)-1]
	if o := page.At.Offset(m.r0); page.At != 0 && int(o) < len(m.moments) {
		moment = m.moments[max(o, 0)]
	}
	var out []*view.Object
	for _, ref := range slices.SortedFunc(maps.Keys(moment), events.Ref.Compare) {
		after := events.Ref{Kind: kind, Namespace: page.After.Namespace, Name: page.After.Name}
		if ref.Kind == kind && (page.Namespace == "" || ref.Namespace == page.Namespace) && ref.Compare(after) > 0 {
			out = append(out, moment[ref])
		}
	}
	if page.Limit > 0 && len(out) > page.Limit {
		return out[:page.Limit], true
	}
	return out, false
}

func sameObjects(a, b []*view.Object) bool {
	return slices.EqualFunc(a, b, func(x, y *view.Object) bool { return reflect.DeepEqual(x, y) })
}

// check compares every kind of read, at random moments, with the model.
func (m *model) check(t *testing.T, s *Store, rounds int) {
	t.Helper()
	for range rounds {
		o := m.random.IntN(len(m.moments))
		at := events.RevisionOf(m.r0, events.Offset(o), m.random.IntN(3))
		page := view.Page{At: at}
		switch m.random.IntN(4) {
		case 0:
			page.At = 0
		case 1:
			page.At = events.RevisionOf(m.r0, events.Offset(max(0, len(m.moments)-1-m.random.IntN(12))), 1)
		}
		ref := m.ref()
		if m.random.IntN(2) == 0 {
			page.Namespace = ref.Namespace
		}
		if m.random.IntN(2) == 0 {
			page.After = m.ref()
		}
		if m.random.IntN(2) == 0 {
			page.Limit = 1 + m.random.IntN(6)
		}
		got, more, err := s.List(ref.Kind, page)
		want, wantMore := m.list(ref.Kind, page)
		if err != nil || more != wantMore || !sameObjects(got, want) {
			t.Fatalf("list %q of %+v: %d objects, %v, %v; want %d, %v\n%s\n%s", ref.Kind, page, len(got), more, err, len(want), wantMore, names(got), names(want))
		}
		all, _ := m.list(ref.Kind, view.Page{Namespace: page.Namespace, After: page.After, At: page.At})
		if n, err := s.Count(ref.Kind, page); err != nil || n != len(all) {
			t.Fatalf("count %q of %+v: %d, %v; want %d", ref.Kind, page, n, err, len(all))
		}
		if got := m.walked(t, s, ref.Kind, page); !sameObjects(got, m.all(ref.Kind, page)) {
			t.Fatalf("walk %q of %+v: %s", ref.Kind, page, names(got))
		}
		object, err := s.Get(ref, at)
		if wanted := m.moments[o][ref]; wanted == nil && !errors.Is(err, view.ErrNotFound) || wanted != nil && !reflect.DeepEqual(object, wanted) {
			t.Fatalf("get %q at %d: %+v, %v; want %+v", ref, at, object, err, wanted)
		}
		m.checkChanges(t, s, ref.Kind, at, m.random.IntN(9))
		m.checkTouching(t, s, ref, events.Offset(o))
		m.checkCauses(t, s, events.Offset(o))
	}
}

// walked copies what a walk shows; what is bare is filled in.
func (m *model) walked(t *testing.T, s *Store, kind string, page view.Page) (list []*view.Object) {
	t.Helper()
	want := m.all(kind, page)
	page.Bare = m.random.IntN(2) == 0
	err := s.Walk(kind, page, func(o *view.Object) (bool, error) {
		c := *o
		for _, p := range []**events.Part{&c.Spec, &c.Status} {
			if *p != nil {
				part := **p
				part.Data = bytes.Clone(part.Data)
				*p = &part
			}
		}
		if page.Bare && len(list) < len(want) {
			c.Facts, c.Projected = want[len(list)].Facts, want[len(list)].Projected
		}
		list = append(list, &c)
		return true, nil
	})
	if err != nil {
		t.Fatalf("walk %q of %+v: %v", kind, page, err)
	}
	return list
}

func (m *model) all(kind string, page view.Page) []*view.Object {
	page.Limit = 0
	list, _ := m.list(kind, page)
	return list
}

func (m *model) checkChanges(t *testing.T, s *Store, kind string, after events.Revision, limit int) {
	t.Helper()
	got, upTo, err := s.Changes(kind, after, limit)
	if err != nil || upTo != upTo.Last() || limit == 0 && upTo != s.Position().Revision() || limit > 0 && len(got) > limit+3 {
		t.Fatalf("changes of %q after %d, %d: %d up to %d, %v", kind, after, limit, len(got), upTo, err)
	}
	var want []view.Delta
	for _, d := range m.deltas {
		if d.Ref.Kind == kind && d.Revision > after && d.Revision <= upTo {
			want = append(want, d)
		}
	}
	if !slices.EqualFunc(got, want, func(a, b view.Delta) bool { return reflect.DeepEqual(a, b) }) {
		t.Fatalf("changes of %q after %d, %d:\n%+v\nwant\n%+v", kind, after, limit, got, want)
	}
}

func (m *model) checkTouching(t *testing.T, s *Store, ref events.Ref, from events.Offset) {
	t.Helper()
	to, limit := from+events.Offset(m.random.IntN(100)), m.random.IntN(4)
	var want []events.Offset
	for _, r := range m.results {
		touches := r.Event.Subject == ref || slices.ContainsFunc(r.Changes, func(c fold.Change) bool { return c.Ref == ref })
		if touches && r.Offset >= from && r.Offset < to && (limit == 0 || len(want) < limit) {
			want = append(want, r.Offset)
		}
	}
	if got, err := s.Touching(ref, from, to, limit); err != nil || !slices.Equal(got, want) {
		t.Fatalf("touching %q in [%d, %d) limit %d: %v, %v; want %v", ref, from, to, limit, got, err, want)
	}
}

func (m *model) checkCauses(t *testing.T, s *Store, o events.Offset) {
	t.Helper()
	limit := m.random.IntN(3)
	var want []events.Offset
	for _, r := range m.results[o:] {
		if slices.Contains(r.Event.Cause, o) && (limit == 0 || len(want) < limit) {
			want = append(want, r.Offset)
		}
	}
	if got, err := s.Effects(o, limit); err != nil || !slices.Equal(got, want) {
		t.Fatalf("effects of %d, limit %d: %v, %v; want %v", o, limit, got, err, want)
	}
	if got, err := s.Causes(o); err != nil || !slices.Equal(got, m.results[o].Event.Cause) {
		t.Fatalf("causes of %d: %v, %v; want %v", o, got, err, m.results[o].Event.Cause)
	}
}

func names(list []*view.Object) (out []string) {
	for _, o := range list {
		out = append(out, fmt.Sprintf("%q@%d", o.Ref.String(), o.Revision))
	}
	return out
}
