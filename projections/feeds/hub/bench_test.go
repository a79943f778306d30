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
	"cairn/projections/fold"
	"cairn/projections/view"
)

// fleet is how many nodes the benchmarks have; each has two streams.
const fleet = 5000

// shelf is a cell of objects made up, which tells whoever subscribes what is published.
type shelf struct {
	Cell // whatever else a hub might ask is a bug of the benchmark
	at   events.Offset
	list map[string][]*view.Object

	mu   sync.Mutex
	tell func(*fold.Result)
}

func (c *shelf) Position() view.Position { return view.Position{Offset: c.at} }
func (c *shelf) Done() <-chan struct{}   { return nil }

func (c *shelf) List(kind string, _ view.Page) ([]*view.Object, bool, error) {
	return c.list[kind], false, nil
}

func (c *shelf) Changes(string, events.Revision, int) ([]view.Delta, events.Revision, error) {
	return nil, events.RevisionOf(0, c.at, events.MaxOrdinal), nil
}

func (c *shelf) Subscribe(_ context.Context, _ events.Offset, fn func(*fold.Result)) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tell = fn
	return nil
}

// publish folds a record that changes objects, and returns when the hub has it.
func (c *shelf) publish(t events.Type, objects ...*view.Object) {
	c.at++
	r := &fold.Result{Offset: c.at, Event: &events.Event{Type: t}}
	for _, o := range objects {
		rev := events.RevisionOf(0, c.at, len(r.Changes))
		r.Changes = append(r.Changes, fold.Change{Ref: o.Ref, UID: o.UID, Revision: rev, Facts: o.Facts, Projected: o.Projected, Spec: o.Spec})
	}
	c.mu.Lock()
	tell := c.tell
	c.mu.Unlock()
	tell(r)
}

func namespaced(kind, name string) events.Ref {
	return events.Ref{Kind: kind, Namespace: "default", Name: name}
}

// podNumbered is a pod placed on a node.
func podNumbered(i, node int) *view.Object {
	return &view.Object{Ref: namespaced(events.Pods, fmt.Sprintf("web-%d", i)), UID: fmt.Sprintf("0198a5c2-7c58-7a8f-9c1e-%012d", i), Revision: 1 << 20,
		Facts: &events.Facts{}, Spec: &events.Part{Data: []byte("body")}, Projected: &fold.Projected{Pod: &fold.PodState{
			Node: fmt.Sprintf("n%d", node), Epoch: 1, Registration: 5, Placed: 3, Address: fmt.Sprintf("10.1.%d.%d", i/250, i%250)}}}
}

// sliceNumbered is a slice of the service web with a hundred pods; down of them is not ready.
func sliceNumbered(n, down int) *view.Object {
	st := &fold.SliceState{Service: "web", Number: uint64(n), Ports: []events.ServicePort{{Name: "http", Protocol: "TCP", Port: 80}}, Targets: []uint64{8080}}
	for i := range fold.MaxSlice {
		pod := n*fold.MaxSlice + i
		st.Backends = append(st.Backends, fold.Backend{Address: fmt.Sprintf("10.1.%d.%d", pod/250, pod%250), Node: fmt.Sprintf("n%d", pod%fleet),
			Pod: fmt.Sprintf("web-%d", pod), PodUID: fmt.Sprintf("0198a5c2-7c58-7a8f-9c1e-%012d", pod), Ready: i != down, Serving: true})
	}
	return &view.Object{Ref: namespaced(events.EndpointSlices, fmt.Sprintf("web-12345678-%d", n)), UID: "s", Revision: 1 << 20, Projected: &fold.Projected{Slice: st}}
}

func serviceNamed(name string, i int) *view.Object {
	return &view.Object{Ref: namespaced(events.Services, name), UID: name, Revision: 1 << 20,
		Facts:     &events.Facts{Service: &events.Service{Ports: []events.ServicePort{{Name: "http", Protocol: "TCP", Port: 80}}}},
		Projected: &fold.Projected{Service: &fold.ServiceState{ClusterIP: fmt.Sprintf("10.96.%d.%d", i/250, i%250)}}}
}

func nodeNumbered(i int) *view.Object {
	name := fmt.Sprintf("n%d", i)
	return &view.Object{Ref: events.Ref{Kind: events.Nodes, Name: name}, UID: name, Revision: 1 << 20,
		Facts:     &events.Facts{Node: &events.Node{Addresses: []events.Pair{{Key: "InternalIP", Value: fmt.Sprintf("192.168.%d.%d", i/250, i%250)}}}},
		Projected: &fold.Projected{Node: &fold.NodeState{Registration: 5, PodRange: fmt.Sprintf("10.%d.%d.0/24", 1+i/250, i%250)}}}
}

// large is a cell of 5,000 nodes with a pod each, all behind one service of 501.
func large() *shelf {
	c := &shelf{at: 10, list: map[string][]*view.Object{}}
	for i := range fleet {
		c.list[events.Pods] = append(c.list[events.Pods], podNumbered(i, i))
		c.list[events.Nodes] = append(c.list[events.Nodes], nodeNumbered(i))
	}
	for n := range fleet / fold.MaxSlice {
		c.list[events.EndpointSlices] = append(c.list[events.EndpointSlices], sliceNumbered(n, -1))
	}
	c.list[events.Services] = append(c.list[events.Services], serviceNamed("web", 1000))
	for i := range 500 {
		c.list[events.Services] = append(c.list[events.Services], serviceNamed(fmt.Sprintf("s%d", i), i))
	}
	return c
}

// counts is what all streams together were written.
type counts struct{ writes, bytes atomic.Int64 }

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
	for i := range fleet {
		wait.Go(func() { _ = h.Assignments(ctx, fmt.Sprintf("n%d", i), events.NoOffset, pods.write) }) // ends with ctx
		wait.Go(func() { _ = h.VIPs(ctx, events.NoOffset, vips.write) })
	}
	pods.until(fleet)
	for vips.bytes.Load() < fleet*1000 || vips.writes.Load() > 0 {
		vips.writes.Store(0)
		time.Sleep(300 * time.Millisecond)
	}
	pods.writes.Store(0)
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
	h := running(b, large())
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
	c := large()
	h := running(b, c)
	var pods, vips counts
	follow(b, h, &pods, &vips)
	measure(b, &pods, func(i int) {
		c.publish(events.PodPlaced, podNumbered(fleet+i, i%fleet))
		pods.until(1)
	})
}

// BenchmarkEndpointFlip is one of 5,000 pods of a service that becomes ready or
// stops being it, seen by 5,000 nodes.
func BenchmarkEndpointFlip(b *testing.B) {
	c := large()
	h := running(b, c)
	var pods, vips counts
	follow(b, h, &pods, &vips)
	measure(b, &vips, func(i int) {
		c.publish(events.ContainerStarted, sliceNumbered(7, 10-i%2*11)) // 10, -1, 10, ...
		vips.until(fleet)
	})
}

// BenchmarkReconnect is a node that comes back after the mark it has.
func BenchmarkReconnect(b *testing.B) {
	c := large()
	h := running(b, c)
	var vips counts
	measure(b, &vips, func(int) {
		ctx, cancel := context.WithCancel(b.Context())
		_ = h.VIPs(ctx, c.at, func(frames ...[]byte) error { cancel(); return vips.write(frames...) }) // ends with ctx
	})
}

// BenchmarkHeartbeat is what a heartbeat asks.
func BenchmarkHeartbeat(b *testing.B) {
	h := running(b, large())
	for b.Loop() {
		if is, known := h.Registration("n77", 5); is != 5 || !known {
			b.Fatal(is, known)
		}
	}
}
