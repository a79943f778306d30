package main

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"time"

	"cairn/events"
	"cairn/events/ledger/embedded"
	"cairn/events/ledger/memory"
	"cairn/projections/follower"
	"cairn/projections/store"
)

// ledgerAppend measures the embedded ledger by itself.
func ledgerAppend(ctx context.Context, dir string, long time.Duration) error {
	record := bytes.Repeat([]byte("x"), 400)
	for _, callers := range []int{1, 64} {
		log, err := embedded.Open(filepath.Join(dir, fmt.Sprint("append", callers)), embedded.Options{})
		if err != nil {
			return err
		}
		times, failed := make([][]time.Duration, callers), make([]error, callers)
		began := time.Now()
		var all sync.WaitGroup
		for c := range callers {
			all.Go(func() {
				for time.Since(began) < long && failed[c] == nil {
					one := time.Now()
					_, failed[c] = log.Append(ctx, [][]byte{record})
					times[c] = append(times[c], time.Since(one))
				}
			})
		}
		all.Wait()
		took := time.Since(began)
		if err := log.Close(); err != nil {
			return err
		}
		var flat []time.Duration
		for c := range callers {
			if failed[c] != nil {
				return failed[c]
			}
			flat = append(flat, times[c]...)
		}
		l := Line{What: "ledger.append", Load: fmt.Sprintf("embedded, 400-byte records, %d callers, each synced", callers)}.spread(flat)
		l.Rate = float64(l.N) / took.Seconds()
		if err := say(l); err != nil {
			return err
		}
	}
	return nil
}

// foldRecords is how many ConfigMaps are folded; every fourth record is an update.
const foldRecords = 100_000

// folding measures a view that catches up with a ledger in memory, then reads.
func folding(ctx context.Context, dir string) error {
	log := memory.New(func() int64 { return time.Now().UnixNano() })
	defer log.Close()
	frames, refs := foldLoad()
	for len(frames) > 0 {
		n := min(len(frames), 500)
		if _, err := log.Append(ctx, frames[:n]); err != nil {
			return err
		}
		frames = frames[n:]
	}
	view, err := store.Open(filepath.Join(dir, "view"), store.Options{})
	if err != nil {
		return err
	}
	defer view.Close()
	began := time.Now()
	f, err := follower.Start(ctx, follower.Options{Ledger: log, Store: view})
	if err != nil {
		return err
	}
	defer f.Stop()
	if err := f.ReadPoint(ctx); err != nil {
		return err
	}
	took := time.Since(began)
	pos := f.Position()
	if err := say(Line{What: "fold.commit", Load: "ConfigMaps with 300-byte bodies, one update in four, ledger in memory, view on disk",
		N: int(pos.Offset) + 1, Rate: float64(pos.Offset+1) / took.Seconds()}); err != nil {
		return err
	}
	for _, then := range []bool{false, true} {
		if err := gets(f, refs, pos.Offset, then); err != nil {
			return err
		}
	}
	return nil
}

// foldLoad makes the records of a cell with many ConfigMaps.
func foldLoad() (frames [][]byte, refs []events.Ref) {
	rng := rand.New(rand.NewPCG(1, 2))
	add := func(e *events.Event) {
		n := len(frames)
		e.ID = events.ID{12: byte(n >> 24), 13: byte(n >> 16), 14: byte(n >> 8), 15: byte(n)}
		e.Base, e.Actor = events.Offset(n)-1, events.Actor{User: "alice", Address: "10.0.0.7"}
		frames = append(frames, events.AppendFrame(nil, e))
	}
	body := func() []events.Part {
		b := make([]byte, 300)
		for i := range b {
			b[i] = byte(rng.IntN(64))
		}
		return []events.Part{{Column: events.Spec, Encoding: "application/octet-stream", APIVersion: "v1", Data: b}}
	}
	add(&events.Event{Type: events.CellCreated, Subject: events.Ref{Kind: events.Cells, Name: "bench"}, Facts: events.Facts{Cell: &events.Cell{
		Name: "bench", Incarnation: "bench", Gate: events.Newest, Window: 1 << 17, PodRange: "10.244.0.0/16", ServiceRange: "10.96.0.0/16",
		NodeMask: 24, NodePortLow: 30000, NodePortHigh: 32767, DNSAddress: "10.96.0.10"}}})
	add(&events.Event{Type: events.ObjectCreated, Subject: events.Ref{Kind: events.Namespaces, Name: "default"}, UID: "ns", Parts: body()})
	for len(frames) < foldRecords {
		if len(refs) > 0 && rng.IntN(4) == 0 {
			ref := refs[rng.IntN(len(refs))]
			add(&events.Event{Type: events.ObjectUpdated, Subject: ref, UID: ref.Name, Parts: body()})
			continue
		}
		ref := events.Ref{Kind: events.ConfigMaps, Namespace: "default", Name: fmt.Sprintf("m%d", len(frames))}
		refs = append(refs, ref)
		add(&events.Event{Type: events.ObjectCreated, Subject: ref, UID: ref.Name, Parts: body()})
	}
	return frames, refs
}

// gets measures reads of random objects, now or as of a random moment.
func gets(f *follower.Follower, refs []events.Ref, end events.Offset, then bool) error {
	const reads = 20_000
	rng := rand.New(rand.NewPCG(3, 4))
	times := make([]time.Duration, 0, reads)
	found := 0
	for range reads {
		ref, at := refs[rng.IntN(len(refs))], events.Revision(0)
		if then {
			at = events.RevisionOf(0, events.Offset(rng.Int64N(int64(end))), events.MaxOrdinal)
		}
		one := time.Now()
		_, err := f.Get(ref, at)
		times = append(times, time.Since(one))
		if err == nil {
			found++
		}
	}
	load := "random objects of a view just folded, now"
	if then {
		load = "random objects of a view just folded, as of a random record"
	}
	if found == 0 {
		return fmt.Errorf("no object was found: the view is empty")
	}
	l := Line{What: "view.get", Load: load, Remark: fmt.Sprintf("%d of them lived then", found)}.spread(times)
	return say(l)
}
