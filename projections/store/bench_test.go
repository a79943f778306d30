package store

import (
	"fmt"
	"testing"

	"cairn/events"
	"cairn/projections/digest"
	"cairn/projections/fold"
	"cairn/projections/view"
)

// benchRecords make 4,190 pods that live through all of it, each changed again
// and again, and one short-lived pod with every tenth record.
const benchLive, benchRecords = 4190, 60_000

func benchStore(b *testing.B) *Store {
	b.Helper()
	s, err := Open(b.TempDir(), Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.Close() })
	d := digest.New()
	for from := 0; from < benchRecords; from += 1000 {
		var batch Batch
		for i := from; i < from+1000; i++ {
			batch.Entries = append(batch.Entries, entry(s, d, benchResult(i)))
		}
		batch.Position, batch.Lanes = d.Settle(), d.Lanes()
		if err := s.Commit(&batch); err != nil {
			b.Fatal(err)
		}
	}
	return s
}

func benchResult(i int) *fold.Result {
	at := events.RevisionOf(0, events.Offset(i), 0)
	c := fold.Change{Ref: benchRef(i % benchLive), UID: "u", Revision: at, Written: at, Created: events.RevisionOf(0, events.Offset(i%benchLive), 0),
		Projected: &fold.Projected{Pod: &fold.PodState{Node: "n1", Epoch: 1, Address: "10.66.0.1", Ready: i%2 == 0}}, ProjectedChanged: true,
		Facts: &events.Facts{Labels: []events.Pair{{Key: "app", Value: "web"}}, Pod: &events.Pod{Requests: events.Resources{MilliCPU: 100}}}}
	if i < benchLive {
		c.Spec = &events.Part{Column: events.Spec, Encoding: "application/vnd.kubernetes.protobuf", APIVersion: "v1", Data: make([]byte, 900)}
	} else if i%3 == 0 {
		c.Status = &events.Part{Column: events.Status, Encoding: "application/vnd.kubernetes.protobuf", APIVersion: "v1", Data: make([]byte, 400)}
	}
	r := &fold.Result{Offset: events.Offset(i), Time: int64(i), Event: &events.Event{Type: events.PodReported, Subject: c.Ref}, Changes: []fold.Change{c}}
	if i > benchLive && i%20 < 2 {
		short := fold.Change{Ref: events.Ref{Kind: events.Pods, Namespace: "zz", Name: fmt.Sprint("job-", i/20)}, UID: "s", Revision: at + 1, Written: at + 1, Created: at + 1, Facts: &events.Facts{}}
		if i%20 == 1 {
			short.Created, short.Deleted = events.RevisionOf(0, events.Offset(i-1), 1), true
		}
		r.Changes = append(r.Changes, short)
	}
	return r
}

func benchRef(i int) events.Ref {
	return events.Ref{Kind: events.Pods, Namespace: fmt.Sprint("team-", i%10), Name: fmt.Sprintf("web-%05d", i)}
}

func BenchmarkCommit(b *testing.B) {
	for b.Loop() {
		benchStore(b)
	}
	b.ReportMetric(float64(benchRecords*b.N)/b.Elapsed().Seconds(), "records/s")
}

// BenchmarkCommitEvents commits 200,000 events, each of a series of its own.
func BenchmarkCommitEvents(b *testing.B) {
	const n = 200_000
	for b.Loop() {
		s, err := Open(b.TempDir(), Options{})
		if err != nil {
			b.Fatal(err)
		}
		commitResults(b, s, digest.New(), func(yield func(*fold.Result) bool) {
			for o := events.Offset(0); o < n/perRecord; o++ {
				yield(occurrences(o, "a"))
			}
		})
		s.Close()
	}
	b.ReportMetric(float64(n*b.N)/b.Elapsed().Seconds(), "events/s")
}

func BenchmarkReads(b *testing.B) {
	s := benchStore(b)
	some := func(i int) events.Revision {
		return events.RevisionOf(0, events.Offset(benchLive+i*7919%(benchRecords-benchLive)), 1)
	}
	get := func(at func(int) events.Revision) func(*testing.B) {
		return func(b *testing.B) {
			for i := 0; b.Loop(); i++ {
				if _, err := s.Get(benchRef(i*31%benchLive), at(i)); err != nil {
					b.Fatal(err)
				}
			}
		}
	}
	list := func(page func(int) view.Page, want int) func(*testing.B) {
		return func(b *testing.B) {
			for i := 0; b.Loop(); i++ {
				if l, _, err := s.List(events.Pods, page(i)); err != nil || len(l) < want || len(l) > want+1 {
					b.Fatal(len(l), err)
				}
			}
		}
	}
	b.Run("get-now", get(func(int) events.Revision { return 0 }))
	b.Run("get-then", get(some))
	b.Run("list-now", list(func(int) view.Page { return view.Page{} }, benchLive))
	b.Run("list-500-now", list(func(int) view.Page { return view.Page{Limit: 500} }, 500))
	b.Run("list-then", list(func(i int) view.Page { return view.Page{At: some(i)} }, benchLive))
	b.Run("list-a-moment-ago", list(func(i int) view.Page { return view.Page{At: events.RevisionOf(0, benchRecords-100, 1)} }, benchLive))
	b.Run("changes-100", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			if l, _, err := s.Changes(events.Pods, some(i)-(1000<<20), 100); err != nil || len(l) < 100 {
				b.Fatal(len(l), err)
			}
		}
	})
}

// BenchmarkPages reads 100,000 config maps as of a moment in pages of 500, while
// as many changed before it and after it.
func BenchmarkPages(b *testing.B) {
	const n = 100_000
	s, err := Open(b.TempDir(), Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	commitResults(b, s, digest.New(), func(yield func(*fold.Result) bool) {
		for o := events.Offset(0); o < 3*n; o++ {
			i := int(o) % n
			at := events.RevisionOf(0, o, 0)
			c := fold.Change{Ref: events.Ref{Kind: events.ConfigMaps, Namespace: "default", Name: fmt.Sprintf("c%06d", i)}, UID: "u",
				Revision: at, Written: at, Created: events.RevisionOf(0, events.Offset(i), 0), Facts: &events.Facts{},
				Spec: &events.Part{Column: events.Spec, Encoding: "e", Data: make([]byte, 300)}}
			yield(&fold.Result{Offset: o, Time: int64(o), Event: &events.Event{Type: events.ObjectUpdated, Subject: c.Ref}, Changes: []fold.Change{c}})
		}
	})
	for _, then := range []struct {
		name string
		at   events.Revision
	}{{"now", 0}, {"then", events.RevisionOf(0, 2*n-1, 0)}, {"a-moment-ago", events.RevisionOf(0, 3*n-1000, 0)}} {
		b.Run(then.name, func(b *testing.B) {
			page := view.Page{At: then.at, Limit: 500}
			pages := 0
			for b.Loop() {
				list, more, err := s.List(events.ConfigMaps, page)
				if err != nil || len(list) != 500 {
					b.Fatal(len(list), err)
				}
				pages++
				if page.After = list[499].Ref; !more {
					if pages%(n/500) != 0 {
						b.Fatal(pages)
					}
					page.After = events.Ref{}
				}
			}
		})
	}
}

// BenchmarkLeaves reads the leaves of 60,000 records in order.
func BenchmarkLeaves(b *testing.B) {
	s := benchStore(b)
	if err := s.Flush(); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		n := 0
		leaves, failed := s.Leaves(0, benchRecords)
		for range leaves {
			n++
		}
		if failed() != nil || n != benchRecords {
			b.Fatal(n, failed())
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/benchRecords, "ns/leaf")
}
