package store

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"cairn/events"
	"cairn/projections/digest"
	"cairn/projections/fold"
	"cairn/projections/view"
)

// eventModel is the slow and obvious way: what lives is copied after each
// record, and what ends is taken away one by one.
type eventModel struct {
	random  *rand.Rand
	digest  *digest.Digest
	spaces  map[string]bool
	next    events.Offset
	time    int64
	live    map[events.Ref]*view.Object
	moments []map[events.Ref]*view.Object
	deltas  []view.Delta
}

func newEventModel(seed uint64) *eventModel {
	return &eventModel{random: rand.New(rand.NewPCG(seed, 5)), digest: digest.New(), spaces: map[string]bool{}, live: map[events.Ref]*view.Object{}}
}

// result makes the next record's: what occurred, and now and then a namespace
// that begins or ends; ledger time stands, creeps or leaps.
func (m *eventModel) result() *fold.Result {
	steps := []time.Duration{0, time.Second, 20 * time.Second, 4 * time.Minute, 70 * time.Minute}
	m.time += int64(steps[min(m.random.IntN(9), m.random.IntN(9), len(steps)-1)])
	r := &fold.Result{Offset: m.next, Time: m.time, Event: &events.Event{Type: events.PodReported, Subject: events.Ref{Kind: events.Pods, Namespace: "a", Name: "p"}}}
	if m.next == 0 {
		r.Event = &events.Event{Type: events.CellCreated, Facts: events.Facts{Cell: &events.Cell{Name: "c", Window: window}}}
	}
	m.next++
	for _, name := range []string{"a", "b"} {
		if m.random.IntN(15) > 0 {
			continue
		}
		at := events.RevisionOf(0, r.Offset, len(r.Changes))
		ref := events.Ref{Kind: events.Namespaces, Name: name}
		r.Changes = append(r.Changes, fold.Change{Ref: ref, UID: "u", Revision: at, Written: at, Created: at, Facts: &events.Facts{}})
		if m.spaces[name] {
			r.Changes[len(r.Changes)-1].Deleted, r.Changes[len(r.Changes)-1].Created = true, at-1
		}
		m.spaces[name] = !m.spaces[name]
	}
	for range m.random.IntN(4) {
		k := fold.KubeEvent{Regarding: events.Ref{Kind: events.Pods, Namespace: []string{"a", "b", ""}[m.random.IntN(3)], Name: fmt.Sprint("p", m.random.IntN(3))},
			RegardingUID: "u", Reason: []string{"Pulled", "Started"}[m.random.IntN(2)], Note: "n", Source: "node/n1", Warning: m.random.IntN(2) == 0}
		if m.random.IntN(3) == 0 {
			k.Code, k.Args, k.Decision = fold.FailedScheduling, []string{"x"}, &events.Decision{Nodes: m.random.Uint64N(9)}
		}
		r.KubeEvents = append(r.KubeEvents, k)
	}
	return r
}

// step applies a result to the model.
func (m *eventModel) step(r *fold.Result) {
	ordinal := len(r.Changes)
	occurred := map[events.Ref][]*fold.KubeEvent{}
	for i := range r.KubeEvents {
		ref := seriesRef(&r.KubeEvents[i])
		occurred[ref] = append(occurred[ref], &r.KubeEvents[i])
	}
	for _, ref := range slices.SortedFunc(maps.Keys(occurred), events.Ref.Compare) {
		at := events.RevisionOf(0, r.Offset, ordinal)
		ordinal++
		e, old := view.Event{First: r.Time, FirstOffset: r.Offset}, m.live[ref]
		o := &view.Object{Ref: ref, Created: at}
		if old != nil {
			*o, e = *old, *old.Event
		}
		e.KubeEvent, e.Last, e.LastOffset = *occurred[ref][len(occurred[ref])-1], r.Time, r.Offset
		e.Count += uint64(len(occurred[ref]))
		o.Revision, o.Written, o.Event, o.UID = at, at, &e, seriesUID(ref, e.FirstOffset)
		m.live[ref] = o
		m.deltas = append(m.deltas, view.Delta{Ref: ref, Revision: at, Object: o, Previous: old})
	}
	for _, ref := range slices.SortedFunc(maps.Keys(m.live), events.Ref.Compare) {
		old := m.live[ref]
		ends := old.Event.Last < view.EventFloor(r.Time)
		for _, c := range r.Changes {
			ends = ends || c.Deleted && c.Ref.Name == ref.Namespace
		}
		if ends {
			gone := *old
			gone.Revision = events.RevisionOf(0, r.Offset, ordinal)
			ordinal++
			delete(m.live, ref)
			m.deltas = append(m.deltas, view.Delta{Ref: ref, Revision: gone.Revision, Deleted: true, Object: &gone, Previous: old})
		}
	}
	m.moments = append(m.moments, maps.Clone(m.live))
}

func (m *eventModel) commit(t *testing.T, s *Store, n int) {
	t.Helper()
	var b Batch
	for range n {
		r := m.result()
		m.step(r)
		b.Entries = append(b.Entries, entry(s, m.digest, r))
	}
	b.Position, b.Lanes = m.digest.Settle(), m.digest.Lanes()
	if err := s.Commit(&b); err != nil {
		t.Fatal(err)
	}
}

func (m *eventModel) check(t *testing.T, s *Store) {
	t.Helper()
	for range 30 {
		o := m.random.IntN(len(m.moments))
		page := view.Page{At: events.RevisionOf(0, events.Offset(o), m.random.IntN(3)), Namespace: []string{"", "a", "b", "default"}[m.random.IntN(4)]}
		moment := m.moments[o]
		if m.random.IntN(3) == 0 {
			page.At, moment = 0, m.live
		}
		var want []*view.Object
		for _, ref := range slices.SortedFunc(maps.Keys(moment), events.Ref.Compare) {
			if page.Namespace == "" || page.Namespace == ref.Namespace {
				want = append(want, moment[ref])
			}
		}
		if n, err := s.Count(events.Events, page); err != nil || n != len(want) {
			t.Fatalf("at %d of %q: counted %d events, want %d (%v)", o, page.Namespace, n, len(want), err)
		}
		var got []*view.Object
		for page.Limit = 1 + m.random.IntN(4); ; page.After = got[len(got)-1].Ref {
			list, more, err := s.List(events.Events, page)
			if err != nil {
				t.Fatal(err)
			}
			if got = append(got, list...); !more {
				break
			}
		}
		if !sameObjects(got, want) {
			t.Fatalf("at %d of %q: %d events, want %d\n%s\n%s", o, page.Namespace, len(got), len(want), names(got), names(want))
		}
		if len(m.deltas) > 0 {
			ref := m.deltas[m.random.IntN(len(m.deltas))].Ref
			if o, err := s.Get(ref, page.At); moment[ref] == nil && !errors.Is(err, view.ErrNotFound) || moment[ref] != nil && !reflect.DeepEqual(o, moment[ref]) {
				t.Fatalf("%s at %d: %+v, %v; want %+v", ref, page.At, o, err, moment[ref])
			}
		}
	}
	m.checkChanges(t, s)
}

// checkChanges reads all changes from somewhere on, a few at a time.
func (m *eventModel) checkChanges(t *testing.T, s *Store) {
	t.Helper()
	end := s.Position().Revision()
	after, limit := events.RevisionOf(0, events.Offset(m.random.IntN(len(m.moments))), m.random.IntN(9)), m.random.IntN(5)
	want := slices.DeleteFunc(slices.Clone(m.deltas), func(d view.Delta) bool { return d.Revision <= after })
	for at := after; at < end; {
		got, upTo, err := s.Changes(events.Events, at, limit)
		if err != nil || upTo <= at || limit > 0 && len(got) > limit+8 {
			t.Fatalf("changes after %d: %d up to %d, %v", at, len(got), upTo, err)
		}
		if len(got) > len(want) || !reflect.DeepEqual(got, append([]view.Delta(nil), want[:len(got)]...)) {
			t.Fatalf("changes after %d, limit %d:\n%s\nwant\n%s", at, limit, deltas(got), deltas(want[:min(len(want), len(got))]))
		}
		want, at = want[len(got):], upTo
		if len(want) > 0 && want[0].Revision <= upTo {
			t.Fatalf("changes up to %d are said to be complete, and lack %s", upTo, deltas(want[:1]))
		}
		if m.random.IntN(4) == 0 {
			s.resumes = resumes{} // as after a start
		}
	}
	if len(want) > 0 {
		t.Fatalf("%d changes never came", len(want))
	}
}

func deltas(list []view.Delta) (text string) {
	for _, d := range list {
		text += fmt.Sprintf("%s@%d deleted %t, times %d; ", d.Ref, d.Revision, d.Deleted, d.Object.Event.Count)
	}
	return text
}

func TestEventsAreCountedAgeAndEndAsTheModelSays(t *testing.T) {
	for seed := range uint64(3) {
		disk := MemoryDisk()
		s := open(t, "v", small(disk))
		m := newEventModel(seed)
		for range 15 {
			m.commit(t, s, 1+m.random.IntN(50))
			m.check(t, s)
			if m.random.IntN(5) == 0 {
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
				s = open(t, "v", small(disk))
			}
		}
		gone := 0
		for _, d := range m.deltas {
			if d.Deleted {
				gone++
			}
		}
		if gone < 20 || len(m.deltas)-gone < 100 {
			t.Errorf("seed %d: of %d changes %d are ends: the test tests little", seed, len(m.deltas), gone)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
