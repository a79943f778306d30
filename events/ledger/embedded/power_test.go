package embedded_test

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"testing"

	"cairn/events"
	"cairn/events/ledger/embedded"
	"cairn/events/ledger/ledgertest"
	"cairn/events/ledger/ledgertest/powertest"
)

// TestTheLossOfPowerUnderLoad cuts the power of a real file system in the
// middle of appends: what was acknowledged is there, where it was told.
func TestTheLossOfPowerUnderLoad(t *testing.T) {
	disk := powertest.New(t, 64<<20)
	dir := filepath.Join(disk.Dir, "cells", "ledger")
	opt := embedded.Options{SegmentBytes: 64 << 10}
	acked := map[events.Offset]string{}
	for round := range 3 {
		l := open(t, dir, opt)
		var mu sync.Mutex
		var wg sync.WaitGroup
		enough := make(chan struct{})
		goal := len(acked) + 500
		for caller := range 8 {
			wg.Go(func() {
				for i := 0; ; i++ {
					record := fmt.Sprint(round, " ", caller, " ", i)
					first, err := l.Append(context.Background(), [][]byte{[]byte(record)})
					if err != nil {
						return // the power is gone
					}
					mu.Lock()
					if acked[first] = record; len(acked) == goal {
						close(enough)
					}
					mu.Unlock()
				}
			})
		}
		<-enough
		disk.Cut(t)
		wg.Wait()
		_ = l.Close() // it can't note its end
		disk.Restore(t)
		l = open(t, dir, opt)
		all := ledgertest.ReadAll(t, l)
		for o, want := range acked {
			if int(o) >= len(all) || string(all[o].Data) != want {
				t.Fatalf("round %d: %q was acknowledged at offset %d, which is gone or another (%d records)", round, want, o, len(all))
			}
		}
		closeLog(t, l)
	}
}
