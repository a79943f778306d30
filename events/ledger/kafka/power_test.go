package kafka_test

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"testing"

	"cairn/events"
	"cairn/events/ledger/kafka"
	"cairn/events/ledger/ledgertest"
	"cairn/events/ledger/ledgertest/kafkatest"
	"cairn/events/ledger/ledgertest/powertest"
)

// TestTheLossOfPowerOfTheOnlyBroker cuts the power of Apache Kafka's disk under
// load. With one replica nobody else has what it acknowledged, so it must have
// been synced by then; Kafka's own default loses all that the page cache held.
func TestTheLossOfPowerOfTheOnlyBroker(t *testing.T) {
	disk := powertest.New(t, 1<<30)
	broker := kafkatest.NewDurableIn(t, filepath.Join(disk.Dir, "kafka"))
	config := kafka.Config{Brokers: []string{broker.Addr}, Topic: kafkatest.Topic(t), CreateReplication: 1}
	l := open(t, config)
	acked := map[events.Offset]string{}
	var mu sync.Mutex
	var wg sync.WaitGroup
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	enough := make(chan struct{})
	for caller := range 8 {
		wg.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				record := fmt.Sprint(caller, " ", i)
				first, err := l.Append(ctx, [][]byte{[]byte(record)})
				mu.Lock()
				if err == nil {
					if acked[first] = record; len(acked) == 1000 {
						close(enough)
					}
				}
				mu.Unlock()
			}
		})
	}
	<-enough
	disk.Cut(t)
	broker.Kill(t)
	stop()
	wg.Wait()
	disk.Restore(t)
	broker.Start(t)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	config.CreateReplication = 0
	all := ledgertest.ReadAll(t, open(t, config))
	for o, want := range acked {
		if int(o) >= len(all) || string(all[o].Data) != want {
			t.Fatalf("%q was acknowledged at offset %d, which is gone or another (%d records are left of %d)", want, o, len(all), len(acked))
		}
	}
}
