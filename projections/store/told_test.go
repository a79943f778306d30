package store

import (
	"testing"

	"cairn/events"
	"cairn/projections/digest"
	"cairn/projections/fold"
	"cairn/projections/view"
)

// teller folds records into a store, many to a batch.
type teller struct {
	state *fold.State
	sum   *digest.Digest
	batch []Entry
}

func (w *teller) add(e *events.Event) {
	o := w.state.Last() + 1
	e.ID, e.Base = events.ID{15: byte(o + 1)}, o-1
	r := w.state.Apply(fold.Input{Offset: o, Time: int64(o) * 1e9, Event: e})
	cols := digest.Encode(&r)
	w.sum.Add(&r, cols)
	w.batch = append(w.batch, Entry{Result: &r, Columns: cols})
}

func (w *teller) commit(t *testing.T, s *Store) {
	t.Helper()
	pos := w.sum.Settle()
	if err := s.Commit(&Batch{Entries: w.batch, Position: pos, Lanes: w.sum.Lanes(), FoldVersion: 1}); err != nil {
		t.Fatal(err)
	}
	w.batch = nil
}

func (w *teller) namespace() {
	w.add(&events.Event{Type: events.ObjectCreated, Subject: events.Ref{Kind: events.Namespaces, Name: "a"}, UID: "u",
		Parts: []events.Part{{Column: events.Spec, Data: []byte("b")}}})
}

// pod makes one pod that ends at once, which is told.
func (w *teller) pod(name string) {
	ref := events.Ref{Kind: events.Pods, Namespace: "a", Name: name}
	w.add(&events.Event{Type: events.ObjectCreated, Subject: ref, UID: name, Facts: events.Facts{Pod: &events.Pod{}},
		Parts: []events.Part{{Column: events.Spec, Data: []byte("b")}}})
	w.add(&events.Event{Type: events.ObjectDeleted, Subject: ref})
}

func (w *teller) end() {
	w.add(&events.Event{Type: events.ObjectDeleted, Subject: events.Ref{Kind: events.Namespaces, Name: "a"}})
}

func told(t *testing.T, s *Store, at events.Revision) int {
	t.Helper()
	list, _, err := s.List(events.Events, view.Page{Namespace: "a", At: at})
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

func TestEventsEndWithTheirNamespaceAndStayReadableBefore(t *testing.T) {
	for _, every := range []bool{true, false} { // a commit after each step, or one for all
		s := open(t, "v", small(MemoryDisk()))
		w := &teller{state: fold.New(), sum: digest.New()}
		step := func() {
			if every {
				w.commit(t, s)
			}
		}
		w.add(&events.Event{Type: events.CellCreated, Subject: events.Ref{Kind: events.Cells, Name: "c"},
			Facts: events.Facts{Cell: &events.Cell{Name: "c", FoldVersion: 1, Window: 99, PodRange: "10.0.0.0/16", ServiceRange: "10.1.0.0/16", NodeMask: 24, NodePortHigh: 1}}})
		for range 2 {
			w.namespace()
			w.pod("p")
			step()
			w.pod("q")
			step()
			w.end()
			step()
		}
		w.namespace()
		w.pod("r")
		w.commit(t, s)
		if n := told(t, s, 0); n != 1 {
			t.Errorf("a commit each: %t: %d events are left, want the third namespace's one", every, n)
		}
		before := events.RevisionOf(0, 5, events.MaxOrdinal) // both pods of the first namespace have ended
		if n := told(t, s, before); n != 2 {
			t.Errorf("a commit each: %t: %d events as of then, want 2", every, n)
		}
		gone, _, err := s.Changes(events.Events, before, 100)
		if err != nil || len(gone) != 2+2+2+1 {
			t.Errorf("a commit each: %t: %d changes since, want 7: %v", every, len(gone), err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
