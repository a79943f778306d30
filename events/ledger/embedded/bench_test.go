package embedded_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"cairn/events"
	"cairn/events/ledger/embedded"
)

// BenchmarkAppend measures records of 400 bytes, each acknowledged by itself.
func BenchmarkAppend(b *testing.B) {
	record := [][]byte{[]byte(strings.Repeat("r", 400))}
	for _, callers := range []int{1, 64, 2048} {
		b.Run(fmt.Sprint("callers=", callers), func(b *testing.B) {
			l := open(b, b.TempDir(), embedded.Options{})
			b.SetBytes(400)
			b.ResetTimer()
			var wg sync.WaitGroup
			for c := range callers {
				wg.Go(func() {
					for i := c; i < b.N; i += callers {
						if _, err := l.Append(b.Context(), record); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			wg.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
		})
	}
}

// BenchmarkReadBack reads records of 400 bytes, 1 MiB a fetch.
func BenchmarkReadBack(b *testing.B) {
	l := open(b, b.TempDir(), embedded.Options{})
	const group, groups = 1000, 200
	records := make([]string, group)
	for i := range records {
		records[i] = strings.Repeat("r", 400)
	}
	for range groups {
		add(b, l, records...)
	}
	b.SetBytes(400)
	b.ResetTimer()
	for next, done := events.Offset(0), 0; done < b.N; {
		got, err := l.Fetch(b.Context(), next, 1<<20)
		if err != nil {
			b.Fatal(err)
		}
		done += len(got)
		if next += events.Offset(len(got)); next == group*groups {
			next = 0
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
}
