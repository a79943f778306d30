package worldtest

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"cairn/events"
	"cairn/projections/view"
)

// BenchmarkCell is a whole cell in one process, on the machine's own clock: node
// daemons join, and five times as many pods, of ten replica sets, are placed and
// run on them.
func BenchmarkCell(b *testing.B) {
	for _, nodes := range []int{100, 1000} {
		b.Run(fmt.Sprint(nodes, "-nodes"), func(b *testing.B) { cellOf(b, nodes, 10, nodes/2) })
	}
}

func cellOf(b *testing.B, nodes, sets, each int) {
	for b.Loop() {
		w := New(b)
		began, cpu := time.Now(), cpuTime()
		w.Run(w.Whole())
		for i := range nodes {
			w.Join(fmt.Sprintf("n%04d", i), nil)
		}
		w.Until(10*time.Minute, "all nodes have joined", func() bool {
			n := 0
			list, _, err := w.Cell.List(events.Nodes, view.Page{})
			w.Must(err)
			for _, o := range list {
				if o.Projected != nil && o.Projected.Node != nil && o.Projected.Node.Registration != 0 {
					n++
				}
			}
			return n == nodes
		})
		b.ReportMetric(time.Since(began).Seconds(), "s-joining")
		b.ReportMetric((cpuTime() - cpu).Seconds(), "cpu-s-joining")
		began, cpu = time.Now(), cpuTime()
		var all sync.WaitGroup
		for i := range sets {
			all.Go(func() {
				w.Must(w.Apply(strings.ReplaceAll(strings.ReplaceAll(fmt.Sprintf(web, "ReplicaSet", each, "v1"), "name: web", fmt.Sprint("name: web", i)), "app: web", fmt.Sprint("app: web", i))))
			})
		}
		all.Wait()
		placed := time.Duration(0)
		w.Until(20*time.Minute, "all pods run", func() bool {
			n, ready := 0, 0
			for _, p := range w.pods() {
				if st := p.Projected.Pod; st.Node != "" {
					n++
					if st.Ready {
						ready++
					}
				}
			}
			if n == sets*each && placed == 0 {
				placed = time.Since(began)
			}
			return ready == sets*each
		})
		b.ReportMetric(placed.Seconds(), "s-placed")
		b.ReportMetric(time.Since(began).Seconds(), "s-ready")
		b.ReportMetric((cpuTime() - cpu).Seconds(), "cpu-s-ready")
		b.ReportMetric(float64(w.Cell.Position().Offset), "records")
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		b.ReportMetric(float64(m.HeapInuse)/1e6, "MB-heap")
		b.ReportMetric(float64(runtime.NumGoroutine()), "goroutines")
		w.Close()
	}
}

// cpuTime is what this process has used.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
