package follower

import (
	"fmt"
	"runtime"
	"testing"

	"cairn/events"
	"cairn/events/ledger/memory"
	"cairn/projections/store"
)

func benchLedger(b *testing.B, n int) *memory.Log {
	b.Helper()
	l, u := newLedger(), newUser(1)
	appendAll(b, l, firstRecord(1<<17), u.made(namespace("ns0")), u.made(namespace("ns1")), u.made(namespace("ns2")))
	for o := events.Offset(4); o < events.Offset(n); o++ {
		appendAll(b, l, u.next(o-1))
	}
	return l
}

// BenchmarkFollow folds 100,000 records into an empty store on disk.
func BenchmarkFollow(b *testing.B) {
	const n = 100_000
	l := benchLedger(b, n)
	for b.Loop() {
		s, err := store.Open(b.TempDir(), store.Options{})
		must(b, err)
		f, err := Start(b.Context(), Options{Ledger: l, Store: s})
		must(b, err)
		must(b, f.Wait(b.Context(), n-1))
		f.Stop()
		must(b, s.Close())
	}
	b.ReportMetric(float64(n*b.N)/b.Elapsed().Seconds(), "records/s")
}

func BenchmarkReplay(b *testing.B) {
	const n = 100_000
	l := benchLedger(b, n)
	for b.Loop() {
		_, err := Replay(b.Context(), l, ReplayOptions{})
		must(b, err)
	}
	b.ReportMetric(float64(n*b.N)/b.Elapsed().Seconds(), "records/s")
}

// BenchmarkWrite is one writer's append, fold, commit and answer.
func BenchmarkWrite(b *testing.B) {
	f := cell(b, newLedger(), onDisk(b))
	for b.Loop() {
		_, err := f.Write(b.Context(), configMap("a"))
		must(b, err)
	}
}

func BenchmarkWriteBy64(b *testing.B) {
	f := cell(b, newLedger(), onDisk(b))
	b.SetParallelism(32)
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			if _, err := f.Write(b.Context(), configMap("a")); err != nil {
				b.Error(err)
			}
		}
	})
}

// onDisk takes a real store in place of the tests' small one.
func onDisk(b *testing.B) func(*Options) {
	return func(o *Options) {
		s, err := store.Open(b.TempDir(), store.Options{})
		must(b, err)
		b.Cleanup(func() { s.Close() })
		o.Store = s
	}
}

// The cell of BenchmarkStart.
const startMaps, startEvents, startIncidents = 30_000, 1_000_000, 64

// startStore is a closed store on disk with many Events and some that lives.
func startStore(b *testing.B, dir string) *memory.Log {
	b.Helper()
	l := newLedger()
	node := events.Ref{Kind: events.Nodes, Name: "n0"}
	pod := events.Ref{Kind: events.Pods, Namespace: "default", Name: "p"}
	body := []events.Part{{Column: events.Spec, Encoding: "e", APIVersion: "v1", Data: make([]byte, 1024)}}
	u := newUser(1)
	appendAll(b, l, firstRecord(1<<17), u.made(namespace("default")),
		u.made(&events.Event{Type: events.ObjectCreated, Subject: node, UID: "n", Parts: body, Facts: events.Facts{Node: &events.Node{
			Allocatable: events.Resources{MilliCPU: 4000, Pods: 50}, Addresses: []events.Pair{{Key: "InternalIP", Value: "192.0.2.1"}}}}}),
		u.made(&events.Event{Type: events.NodeRegistered, Subject: node, UID: "n"}),
		u.made(&events.Event{Type: events.ObjectCreated, Subject: pod, UID: "p", Parts: body, Facts: events.Facts{Pod: &events.Pod{}}}),
		u.made(&events.Event{Type: events.PodPlaced, Subject: pod, Facts: events.Facts{Placement: &events.Placement{Node: "n0", Registration: 3}}}))
	for i := range startMaps {
		e := u.made(configMap(fmt.Sprintf("c%06d", i)))
		e.Base, e.Parts = events.Offset(i), body
		appendAll(b, l, e)
	}
	for i := range startEvents / startIncidents {
		e := u.made(&events.Event{Type: events.PodReported, Subject: pod, UID: "p", Actor: events.Actor{Node: "n0"}, Base: startMaps + events.Offset(i),
			Facts: events.Facts{Report: &events.Report{Epoch: 1, Registration: 3, Phase: events.Running}}})
		for k := range startIncidents {
			e.Facts.Report.Incidents = append(e.Facts.Report.Incidents, events.Incident{Reason: "Pulled", Message: fmt.Sprint("image ", i*startIncidents+k)})
		}
		appendAll(b, l, e)
	}
	s, err := store.Open(dir, store.Options{})
	must(b, err)
	f, err := Start(b.Context(), Options{Ledger: l, Store: s})
	must(b, err)
	must(b, f.ReadPoint(b.Context()))
	r, err := f.Record(f.Position().Offset)
	if err != nil || !r.Outcome.Accepted() {
		b.Fatal(r, err)
	}
	f.Stop()
	must(b, s.Close())
	return l
}

// BenchmarkStart opens a view of 30,000 live ConfigMaps of 1 KiB, in whose
// ledger 1,000,000 Events occurred, up to where it follows.
func BenchmarkStart(b *testing.B) {
	dir := b.TempDir()
	l := startStore(b, dir)
	for b.Loop() {
		s, err := store.Open(dir, store.Options{})
		must(b, err)
		f, err := Start(b.Context(), Options{Ledger: l, Store: s})
		must(b, err)
		b.StopTimer()
		f.Stop()
		must(b, s.Close())
		b.StartTimer()
	}
}

// BenchmarkHeap is what one live object of 160,000 small ConfigMaps keeps in
// memory once a view is opened: in the store, the digest and the fold.
func BenchmarkHeap(b *testing.B) {
	const n = 160_000
	l, u, dir := newLedger(), newUser(1), b.TempDir()
	appendAll(b, l, firstRecord(1<<10), u.made(namespace("default")))
	for i := range n {
		e := u.made(configMap(fmt.Sprintf("settings-of-application-%06d", i)))
		e.Base, e.UID = events.Offset(i), fmt.Sprintf("4f2d1c9a-6d39-7c41-9b52-%012x", i)
		e.Facts.Labels = []events.Pair{{Key: "app", Value: fmt.Sprint("application-", i%100)}}
		appendAll(b, l, e)
	}
	s, err := store.Open(dir, store.Options{})
	must(b, err)
	f, err := Start(b.Context(), Options{Ledger: l, Store: s})
	must(b, err)
	must(b, f.ReadPoint(b.Context()))
	f.Stop()
	must(b, s.Close())
	f = nil
	for b.Loop() {
		before := heap()
		s, err := store.Open(dir, store.Options{})
		must(b, err)
		opened := heap()
		folder, d, err := resume(s.Current(), loadFold)
		must(b, err)
		all := heap()
		runtime.KeepAlive(folder)
		folder = nil
		digest := heap() - opened
		runtime.KeepAlive(d)
		b.ReportMetric(float64(opened-before)/n, "store-B/object")
		b.ReportMetric(float64(digest)/n, "digest-B/object")
		b.ReportMetric(float64(all-opened-digest)/n, "fold-B/object")
		must(b, s.Close())
	}
}

// heap is what lives in Go's heap.
func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
