package kafka_test

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"cairn/events"
	"cairn/events/ledger"
	"cairn/events/ledger/kafka"
	"cairn/events/ledger/ledgertest"
	"cairn/events/ledger/ledgertest/kafkatest"
)

// TestKillMinusNineOfApacheKafka kills the broker under load and starts it
// again: what was acknowledged is there where it was told, what was refused is
// not, and the same Log goes on without being opened anew.
func TestKillMinusNineOfApacheKafka(t *testing.T) {
	t.Parallel()
	broker := kafkatest.NewDurable(t)
	l := open(t, kafka.Config{Brokers: []string{broker.Addr}, Topic: kafkatest.Topic(t), CreateReplication: 1})
	var mu sync.Mutex
	told, refused := map[events.Offset]string{}, map[string]bool{}
	var after, acknowledged atomic.Int32 // acknowledgements since the restart; in all
	var restarted atomic.Bool
	enough := make(chan struct{})
	var wg sync.WaitGroup
	for c := range 8 {
		wg.Go(func() {
			for i := 0; after.Load() < 100; i++ {
				record := fmt.Sprint(c, "-", i)
				first, err := l.Append(t.Context(), [][]byte{[]byte(record)})
				mu.Lock()
				switch {
				case err == nil:
					told[first] = record
					if acknowledged.Add(1) == 500 {
						close(enough)
					}
					if restarted.Load() {
						after.Add(1)
					}
				case errors.Is(err, ledger.ErrUnreachable):
					refused[record] = true
				case !errors.Is(err, ledger.ErrUnknown):
					t.Errorf("append: %v", err)
					after.Store(100)
				}
				mu.Unlock()
			}
		})
	}
	<-enough
	broker.Kill(t)
	broker.Start(t)
	restarted.Store(true)
	wg.Wait()
	all := ledgertest.ReadAll(t, l)
	for o, want := range told {
		if int(o) >= len(all) || string(all[o].Data) != want {
			t.Fatalf("%q was acknowledged at offset %d and is not there (%d records)", want, o, len(all))
		}
	}
	for _, r := range all {
		if refused[string(r.Data)] {
			t.Fatalf("%q was refused, and is at offset %d", r.Data, r.Offset)
		}
	}
}
