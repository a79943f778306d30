package store

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"cairn/events"
	"cairn/projections/digest"
	"cairn/projections/fold"
	"cairn/projections/view"
)

const manyEvents, perRecord = 1 << 20, 64

// occurrences makes the result of a record with perRecord events, each of a
// series of its own.
func occurrences(o events.Offset, namespace string) *fold.Result {
	r := &fold.Result{Offset: o, Time: int64(o) * int64(time.Millisecond), Event: &events.Event{Type: events.PodReported}}
	for i := range perRecord {
		name := fmt.Sprintf("p%07d", int(o)*perRecord+i)
		r.KubeEvents = append(r.KubeEvents, fold.KubeEvent{Regarding: events.Ref{Kind: events.Pods, Namespace: namespace, Name: name},
			RegardingUID: name, Reason: "Pulled", Note: "image", Source: "node/n1"})
	}
	return r
}

// commitResults commits results in batches of 200.
func commitResults(t testing.TB, s *Store, d *digest.Digest, results func(yield func(*fold.Result) bool)) {
	t.Helper()
	var b Batch
	commit := func() {
		b.Position, b.Lanes = d.Settle(), d.Lanes()
		if err := s.Commit(&b); err != nil {
			t.Fatal(err)
		}
		b.Entries = nil
	}
	for r := range results {
		if b.Entries = append(b.Entries, entry(s, d, r)); len(b.Entries) == 200 {
			commit()
		}
	}
	if len(b.Entries) > 0 {
		commit()
	}
}

// A namespace with more Events than a record has ordinals ends at the cost of
// any other, and who watches is told of the end of each.
func TestANamespaceWithAMillionEventsEndsInOneRecord(t *testing.T) {
	s := open(t, t.TempDir(), Options{})
	defer s.Close()
	d := digest.New()
	ns := events.Ref{Kind: events.Namespaces, Name: "a"}
	space := func(o events.Offset, gone bool) *fold.Result {
		c := fold.Change{Ref: ns, UID: "u", Revision: events.RevisionOf(0, o, 0), Written: 1, Created: events.RevisionOf(0, 0, 0), Facts: &events.Facts{}, Deleted: gone}
		return &fold.Result{Offset: o, Time: int64(o) * int64(time.Millisecond), Event: &events.Event{Subject: ns}, Changes: []fold.Change{c}}
	}
	const last = manyEvents/perRecord + 1
	commitResults(t, s, d, func(yield func(*fold.Result) bool) {
		yield(space(0, false))
		for o := events.Offset(1); o < last; o++ {
			yield(occurrences(o, "a"))
		}
	})
	before := s.Position().Revision()
	began := time.Now()
	commitResults(t, s, d, slices.Values([]*fold.Result{space(last, true)}))
	t.Logf("the end of %d events took %v to commit", manyEvents, time.Since(began))

	if list, _, err := s.List(events.Events, view.Page{Limit: 1}); err != nil || len(list) != 0 {
		t.Fatal(list, err)
	}
	if list, more, err := s.List(events.Events, view.Page{At: before, Limit: 3, Namespace: "a"}); err != nil || len(list) != 3 || !more {
		t.Fatal(list, err)
	}
	n, name := 0, ""
	for after, end := before, s.Position().Revision(); after < end; {
		deltas, upTo, err := s.Changes(events.Events, after, 5000)
		if err != nil || upTo <= after || len(deltas) > 5001 {
			t.Fatal(len(deltas), upTo, err)
		}
		for _, x := range deltas {
			if n++; !x.Deleted || x.Revision <= after && x.Revision != events.RevisionOf(0, last, events.MaxOrdinal) || x.Ref.Name <= name {
				t.Fatalf("%+v after %d, %q", x, after, name)
			}
			after, name = x.Revision, x.Ref.Name
		}
		after = upTo
	}
	if n != manyEvents {
		t.Fatalf("watchers were told of the end of %d events, of %d", n, manyEvents)
	}
}
