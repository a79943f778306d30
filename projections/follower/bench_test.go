package follower

import (
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
