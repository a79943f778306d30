package hub

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"cairn/events"
	"cairn/events/feed"
	"cairn/events/wire"
	"cairn/projections/feeds/feedstest"
)

// counts is what all streams together were written.
type counts struct{ begun, writes, bytes atomic.Int64 }

// stream counts one stream, also when it has begun: with its first mark.
func (c *counts) stream() Write {
	begun := false
	return func(frames ...[]byte) error {
		last := frames[len(frames)-1]
		var e feed.VIPEntry
		if !begun && len(last) < 32 && wire.Decode(feed.FrameBody(last), &e) == nil && e.Mark {
			begun = true
			c.begun.Add(1)
		}
		return c.write(frames...)
	}
}

func (c *counts) write(frames ...[]byte) error {
	n := 0
	for _, f := range frames {
		n += len(f)
	}
	c.bytes.Add(int64(n))
	if len(frames) > 1 { // more than a mark
		c.writes.Add(1)
	}
	return nil
}

func (c *counts) until(writes int64) {
	for c.writes.Load() < writes {
		time.Sleep(100 * time.Microsecond)
	}
}

// running starts a hub and waits until it can be asked.
func running(b *testing.B, c Cell) *Hub {
	h := New(c, nil)
	ctx, cancel := context.WithCancel(b.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); _ = h.Run(ctx) }() // it ends with ctx
	b.Cleanup(func() { cancel(); <-ended })
	if _, err := h.reach(b.Context(), 0); err != nil {
		b.Fatal(err)
	}
	return h
}

// follow starts both streams of all nodes, which write to count and entries.
func follow(b *testing.B, h *Hub, pods, vips *counts) {
	var wait sync.WaitGroup
	ctx, cancel := context.WithCancel(b.Context())
	b.Cleanup(func() { cancel(); wait.Wait() })
	pods.begun.Store(0)
	vips.begun.Store(0)
	for i := range feedstest.Fleet {
		wait.Go(func() {
			_ = h.Assignments(ctx, fmt.Sprintf("n%d", i), events.NoOffset, pods.stream()) // ends with ctx
		})
		wait.Go(func() { _ = h.VIPs(ctx, events.NoOffset, vips.stream()) })
	}
	for pods.begun.Load() < feedstest.Fleet || vips.begun.Load() < feedstest.Fleet {
		time.Sleep(100 * time.Microsecond)
	}
}

// measure reports what fn takes: CPU of the whole process, and bytes written.
func measure(b *testing.B, c *counts, fn func(i int)) {
	c.bytes.Store(0)
	was := cpu()
	for i := 0; b.Loop(); i++ {
		c.writes.Store(0)
		fn(i)
	}
	b.ReportMetric(float64((cpu()-was).Microseconds())/float64(b.N), "cpu-us/op")
	b.ReportMetric(float64(c.bytes.Load())/float64(b.N), "bytes/op")
}

func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(0, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func inUse() float64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc+m.StackInuse) / (1 << 20)
}

// BenchmarkStart is all streams of 5,000 nodes starting at once, and what they take then.
func BenchmarkStart(b *testing.B) {
	h := running(b, feedstest.Large())
	empty := inUse()
	var pods, vips counts
	was := cpu()
	for b.Loop() {
		follow(b, h, &pods, &vips)
	}
	b.ReportMetric(float64((cpu()-was).Microseconds())/1e3/float64(b.N), "cpu-ms/op")
	b.ReportMetric(float64(pods.bytes.Load()+vips.bytes.Load())/float64(b.N), "bytes/op")
	b.ReportMetric((inUse()-empty)/float64(b.N), "MiB/fleet")
	b.ReportMetric(empty, "MiB-hub-and-world")
}

// BenchmarkPlacement is one pod placed, seen by one of 5,000 nodes.
func BenchmarkPlacement(b *testing.B) {
	c := feedstest.Large()
	h := running(b, c)
	var pods, vips counts
	follow(b, h, &pods, &vips)
	measure(b, &pods, func(i int) {
		c.Publish(events.PodPlaced, feedstest.PodNumbered(feedstest.Fleet+i, i%feedstest.Fleet))
		pods.until(1)
	})
}

// BenchmarkEndpointFlip is one of 5,000 pods of a service that becomes ready or
// stops being it, seen by 5,000 nodes.
func BenchmarkEndpointFlip(b *testing.B) {
	c := feedstest.Large()
	h := running(b, c)
	var pods, vips counts
	follow(b, h, &pods, &vips)
	measure(b, &vips, func(i int) {
		c.Publish(events.ContainerStarted, feedstest.SliceNumbered(7, 10-i%2*11)) // 10, -1, 10, ...
		vips.until(feedstest.Fleet)
	})
}

// BenchmarkReconnect is a node that comes back after the mark it has.
func BenchmarkReconnect(b *testing.B) {
	c := feedstest.Large()
	h := running(b, c)
	var vips counts
	measure(b, &vips, func(int) {
		ctx, cancel := context.WithCancel(b.Context())
		_ = h.VIPs(ctx, c.Position().Offset, func(frames ...[]byte) error { cancel(); return vips.write(frames...) }) // ends with ctx
	})
}

// BenchmarkHeartbeat is what a heartbeat asks.
func BenchmarkHeartbeat(b *testing.B) {
	h := running(b, feedstest.Large())
	for b.Loop() {
		if is, known := h.Registration("n77", 5); is != 5 || !known {
			b.Fatal(is, known)
		}
	}
}
