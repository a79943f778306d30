package daemon

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	corev1 "k8s.io/api/core/v1"

	"cairn/events"
	"cairn/events/feed"
)

// cell is a Server in memory: it holds what a node is to run, streams it, and
// keeps what the node reports.
type cell struct {
	mu      sync.Mutex
	news    chan struct{} // closed and replaced at each change
	offset  events.Offset
	reg     events.Offset
	entries map[string]feed.AssignmentEntry
	order   []feed.AssignmentEntry // everything ever emitted
	bundles map[string]feed.Bundle
	asked   []events.Revision // of pods, in order
	reports []feed.Report
	vips    []feed.VIPEntry
	silent  bool          // no marks
	away    bool          // refuses everything
	life    time.Duration // of tokens; 0: they do not end
}

func newCell() *cell {
	return &cell{news: make(chan struct{}), offset: 10, entries: map[string]feed.AssignmentEntry{}, bundles: map[string]feed.Bundle{}}
}

// change runs f under the lock and wakes whoever waits.
func (c *cell) change(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f()
	close(c.news)
	c.news = make(chan struct{})
}

func (c *cell) emit(e feed.AssignmentEntry) {
	c.change(func() {
		c.offset++
		if e.Offset == 0 {
			e.Offset = c.offset
		}
		if e.Key != "" {
			c.entries[e.Key] = e
		}
		c.order = append(c.order, e)
	})
}

func key(pod *corev1.Pod) string { return pod.Namespace + "/" + pod.Name + "/" + string(pod.UID) }

// place assigns a pod with what it names.
func (c *cell) place(t *testing.T, pod *corev1.Pod, addr string, others ...any) {
	t.Helper()
	c.bundle(t, pod, others...)
	c.emit(feed.AssignmentEntry{Key: key(pod), Pod: &feed.Assignment{
		Namespace: pod.Namespace, Name: pod.Name, UID: string(pod.UID), Epoch: 1, Revision: 1, Digest: "d1", Address: addr,
	}})
}

// bundle sets what a node gets that asks for the pod.
func (c *cell) bundle(t *testing.T, pod *corev1.Pod, others ...any) {
	t.Helper()
	raw := func(v any) json.RawMessage {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	b := feed.Bundle{Pod: raw(pod), ConfigMaps: map[string]json.RawMessage{}, Secrets: map[string]json.RawMessage{}, Token: "a-token", CA: "a-ca"}
	for _, o := range others {
		switch o := o.(type) {
		case *corev1.ConfigMap:
			b.ConfigMaps[o.Name] = raw(o)
		case *corev1.Secret:
			b.Secrets[o.Name] = raw(o)
		}
	}
	c.change(func() { c.bundles[string(pod.UID)] = b })
}

// update changes a pod that is placed.
func (c *cell) update(t *testing.T, pod *corev1.Pod, digest string) {
	t.Helper()
	c.bundle(t, pod)
	c.mu.Lock()
	a := *c.entries[key(pod)].Pod
	c.mu.Unlock()
	a.Digest, a.Revision = digest, a.Revision+1
	c.emit(feed.AssignmentEntry{Key: key(pod), Pod: &a})
}

func (c *cell) remove(pod *corev1.Pod, grace int64) {
	c.mu.Lock()
	a := *c.entries[key(pod)].Pod
	c.mu.Unlock()
	a.Deleting, a.Grace, a.Why = 1, grace, "asked for by alice"
	c.emit(feed.AssignmentEntry{Key: key(pod), Pod: &a})
}

func (c *cell) Register(context.Context, feed.NodeInfo) (feed.Registration, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.away {
		return feed.Registration{}, fmt.Errorf("away")
	}
	c.offset++
	c.reg = c.offset
	return feed.Registration{Offset: c.reg, Cell: "test", DNSAddress: "10.96.0.10"}, nil
}

func (c *cell) Heartbeat(context.Context, feed.Heartbeat) (feed.HeartbeatAnswer, error) {
	return feed.HeartbeatAnswer{Current: true}, nil
}

func (c *cell) Assignments(ctx context.Context, _ events.Offset) iter.Seq2[feed.AssignmentEntry, error] {
	return func(yield func(feed.AssignmentEntry, error) bool) {
		c.mu.Lock()
		var first []feed.AssignmentEntry
		for _, e := range c.entries {
			first = append(first, e)
		}
		at, silent, mark := len(c.order), c.silent, c.offset
		c.mu.Unlock()
		if !silent {
			first = append(first, feed.AssignmentEntry{Offset: mark, Mark: true})
		}
		for _, e := range first {
			if !yield(e, nil) {
				return
			}
		}
		for {
			c.mu.Lock()
			more, news := c.order[at:], c.news
			at = len(c.order)
			c.mu.Unlock()
			for _, e := range more {
				if !yield(e, nil) {
					return
				}
			}
			select {
			case <-ctx.Done():
				yield(feed.AssignmentEntry{}, ctx.Err())
				return
			case <-news:
			}
		}
	}
}

func (c *cell) VIPs(ctx context.Context, _ events.Offset) iter.Seq2[feed.VIPEntry, error] {
	return func(yield func(feed.VIPEntry, error) bool) {
		for _, e := range c.vips {
			if !yield(e, nil) {
				return
			}
		}
		<-ctx.Done()
		yield(feed.VIPEntry{}, ctx.Err())
	}
}

func (c *cell) Pod(_ context.Context, ns, name, uid string, rev events.Revision) (*feed.Bundle, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked = append(c.asked, rev)
	b, ok := c.bundles[uid]
	if !ok {
		return nil, fmt.Errorf("pod %s/%s is not placed here", ns, name)
	}
	if c.life > 0 {
		b.TokenExpires = time.Now().Add(c.life).Unix()
	}
	return &b, nil
}

func (c *cell) Report(_ context.Context, r feed.Report) (feed.ReportAnswer, error) {
	if c.isAway() {
		return feed.ReportAnswer{}, fmt.Errorf("away")
	}
	c.change(func() { c.reports = append(c.reports, r) })
	return feed.ReportAnswer{Accepted: true, Offset: 1}, nil
}

func (c *cell) isAway() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.away
}

// flat is a Network that puts a pod's address on its loopback link: enough for
// probes, and no packet can leave.
type flat struct {
	mu       sync.Mutex
	attached map[netip.Addr]string
	services [][]*feed.VIP
	news     chan struct{}
}

func (f *flat) Configure(context.Context, feed.Registration) error { return nil }
func (f *flat) SetPeers(context.Context, []feed.Peer) error        { return nil }

func (f *flat) Attach(_ context.Context, path string, addr netip.Addr) error {
	ns, err := netns.GetFromPath(path)
	if err != nil {
		return err
	}
	defer ns.Close()
	h, err := netlink.NewHandleAt(ns)
	if err != nil {
		return err
	}
	defer h.Close()
	lo, err := h.LinkByName("lo")
	if err != nil {
		return err
	}
	a, err := netlink.ParseAddr(addr.String() + "/32")
	if err != nil {
		return err
	}
	if err := h.AddrReplace(lo, a); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.attached[addr] = path
	return nil
}

func (f *flat) Detach(_ context.Context, addr netip.Addr) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.attached, addr)
	return nil
}

func (f *flat) SetServices(_ context.Context, all []*feed.VIP) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.services = append(f.services, all)
	return nil
}
