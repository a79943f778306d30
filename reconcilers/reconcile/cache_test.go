package reconcile

import (
	"fmt"
	"runtime"
	"testing"

	"cairn/events"
	"cairn/projections/fold"
	"cairn/projections/view"
)

var (
	whole   = []string{events.Pods, events.ReplicaSets, events.Namespaces}
	watched = []string{events.ConfigMaps}
)

func TestOfKindsThatNobodyReadsOnlyDependentsAreHeld(t *testing.T) {
	c := NewCache(0, whole, watched)
	apply := func(o events.Offset, name string, f *events.Facts, deleted bool) Change {
		list := c.Apply(&fold.Result{Offset: o, Event: &events.Event{Type: events.ObjectUpdated}, Changes: []fold.Change{{
			Ref: events.Ref{Kind: events.ConfigMaps, Namespace: "d", Name: name}, UID: "u-" + name, Facts: f, Deleted: deleted}}})
		if len(list) != 1 || list[0].UID != "u-"+name || list[0].Trigger.Offset != o {
			t.Fatalf("of record %d the cache told %+v", o, list)
		}
		return list[0]
	}
	owned := &events.Facts{Labels: []events.Pair{{Key: "a", Value: "b"}}, Owners: []events.Owner{{Kind: events.Pods, Name: "p", UID: "u-p"}}}
	apply(1, "plain", &events.Facts{}, false)
	apply(2, "owned", owned, false)
	if c.Len() != 1 || len(c.Dependents("u-p")) != 1 || c.Dependents("u-p")[0].Facts.Labels != nil {
		t.Errorf("%d objects are held, dependents %+v", c.Len(), c.Dependents("u-p"))
	}
	apply(3, "plain", &events.Facts{Deleting: 5, Finalizers: []string{"foregroundDeletion"}}, false)
	if c.Len() != 2 {
		t.Error("what waits for its dependents is not held")
	}
	apply(4, "plain", nil, true)
	if gone := apply(5, "owned", nil, true); gone.Before == nil || gone.After != nil {
		t.Errorf("of a deletion the cache told %+v", gone)
	}
	if gone := apply(6, "never-held", nil, true); gone.Before != nil || gone.After != nil {
		t.Errorf("of an unknown object's deletion the cache told %+v", gone)
	}
	if c.Len() != 0 || len(c.byOwner) != 0 {
		t.Errorf("%d objects are left, and %d owners", c.Len(), len(c.byOwner))
	}
}

// BenchmarkCacheBytes is what an object costs a cache beside its facts, which
// it shares with the fold.
func BenchmarkCacheBytes(b *testing.B) {
	const many = 160_000
	for _, kind := range []string{events.ConfigMaps, events.Pods} {
		b.Run(kind, func(b *testing.B) {
			objects := make([]*view.Object, many)
			for i := range objects {
				objects[i] = &view.Object{Ref: events.Ref{Kind: kind, Namespace: "d", Name: fmt.Sprint("o", i)}, UID: fmt.Sprint("u", i),
					Facts: &events.Facts{Owners: owners(kind, i)}, Projected: &fold.Projected{Pod: &fold.PodState{Node: fmt.Sprint("n", i/100)}}}
			}
			for b.Loop() {
				var before, after runtime.MemStats
				runtime.GC()
				runtime.ReadMemStats(&before)
				c := NewCache(0, whole, watched)
				for _, o := range objects {
					c.Put(o)
				}
				runtime.GC()
				runtime.ReadMemStats(&after)
				b.ReportMetric(max(0, float64(after.HeapAlloc)-float64(before.HeapAlloc))/many, "B/object")
				runtime.KeepAlive(c)
			}
			runtime.KeepAlive(objects)
		})
	}
}

func owners(kind string, i int) []events.Owner {
	if kind != events.Pods {
		return nil
	}
	return []events.Owner{{Kind: events.ReplicaSets, Name: "rs", UID: fmt.Sprint("rs", i/10), Controller: true}}
}
