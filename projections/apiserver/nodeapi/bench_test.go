package nodeapi

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/endpoints/request"

	"cairn/events"
	"cairn/events/feed"
	"cairn/events/wire"
	"cairn/projections/feeds/feedstest"
	"cairn/projections/feeds/hub"
)

// fleet is how many nodes are connected.
const fleet = feedstest.Fleet

// pipes is a listener in memory.
type pipes struct {
	conns chan net.Conn
	done  context.Context
}

func (p *pipes) dial(context.Context, string, string) (net.Conn, error) {
	here, there := net.Pipe()
	select {
	case p.conns <- there:
		return here, nil
	case <-p.done.Done():
		return nil, net.ErrClosed
	}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done.Done():
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { return nil }
func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipes"} }

// served gives a way to reach an API over HTTP/2 in memory, without TLS and
// Kubernetes' filters, over a hub of 5,000 nodes.
func served(b *testing.B) (c *feedstest.Shelf, dial func(context.Context, string, string) (net.Conn, error)) {
	ctx, cancel := context.WithCancel(context.Background())
	c = feedstest.Large()
	h := hub.New(c, slog.New(slog.DiscardHandler))
	go func() { _ = h.Run(ctx) }() // ends with ctx
	a := New(ctx, Config{Cell: nil, Feeds: h})
	p := &pipes{make(chan net.Conn), ctx}
	s := &http.Server{Protocols: new(http.Protocols), Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		node, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, Prefix), "/")
		u := &user.DefaultInfo{Name: "system:node:" + node, Groups: []string{user.NodesGroup}}
		a.ServeHTTP(w, r.WithContext(request.WithUser(r.Context(), u)))
	})}
	s.Protocols.SetUnencryptedHTTP2(true)
	go func() { _ = s.Serve(p) }() // ends with Close
	b.Cleanup(func() { cancel(); _ = s.Close() })
	return c, p.dial
}

// node is one node's connection with both streams; it counts entries of VIPs that
// are no marks, and marks.
func node(b *testing.B, dial func(context.Context, string, string) (net.Conn, error), name string, entries, marks *atomic.Int64) {
	t := &http.Transport{Protocols: new(http.Protocols), DialContext: dial}
	t.Protocols.SetUnencryptedHTTP2(true)
	b.Cleanup(t.CloseIdleConnections)
	read(b, t, name+"/assignments", func(e *feed.AssignmentEntry) {
		if e.Mark {
			marks.Add(1)
		}
	})
	read(b, t, name+"/vips", func(e *feed.VIPEntry) {
		switch {
		case e.Mark:
			marks.Add(1)
		case !e.Whole:
			entries.Add(1)
		}
	})
}

// read opens a stream of a node that comes back, and calls fn for its entries
// until it ends.
func read[T any, M interface {
	*T
	wire.Message
}](b *testing.B, t http.RoundTripper, path string, fn func(*T)) {
	r, err := http.NewRequestWithContext(b.Context(), "GET", "http://cell"+Prefix+path+"?from=10", nil)
	if err != nil {
		b.Fatal(err)
	}
	resp, err := t.RoundTrip(r)
	if err != nil {
		b.Fatal(err)
	}
	go func() {
		defer resp.Body.Close()
		for body := bufio.NewReaderSize(resp.Body, 512); ; {
			var e T
			if err := feed.ReadFrame(body, M(&e)); err != nil {
				return
			}
			fn(&e)
		}
	}()
}

func used() (time.Duration, float64) {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	var u syscall.Rusage
	if err := syscall.Getrusage(0, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()), float64(m.HeapAlloc+m.StackInuse) / (1 << 20)
}

// BenchmarkEndpointFlipOverHTTP is one of 5,000 pods of a service that becomes
// ready or stops being it, told to 5,000 nodes over HTTP/2; CPU and memory are
// those of server and nodes together.
func BenchmarkEndpointFlipOverHTTP(b *testing.B) {
	c, dial := served(b)
	var entries, marks atomic.Int64
	_, empty := used()
	was, _ := used()
	for i := range fleet {
		node(b, dial, fmt.Sprintf("n%d", i), &entries, &marks)
	}
	for marks.Load() < 2*fleet {
		time.Sleep(time.Millisecond)
	}
	began, full := used()
	for i := 0; b.Loop(); i++ {
		entries.Store(0)
		c.Publish(events.ContainerStarted, feedstest.SliceNumbered(7, 10-i%2*11))
		for entries.Load() < fleet {
			time.Sleep(time.Millisecond)
		}
	}
	ended, _ := used()
	b.ReportMetric(float64((began - was).Milliseconds()), "cpu-ms-to-start")
	b.ReportMetric(full-empty, "MiB/fleet")
	b.ReportMetric(float64((ended-began).Milliseconds())/float64(b.N), "cpu-ms/op")
}

// BenchmarkHeartbeatOverHTTP is one heartbeat in a cell of 5,000 nodes, server
// and node together.
func BenchmarkHeartbeatOverHTTP(b *testing.B) {
	_, dial := served(b)
	t := &http.Transport{Protocols: new(http.Protocols), DialContext: dial}
	t.Protocols.SetUnencryptedHTTP2(true)
	b.Cleanup(t.CloseIdleConnections)
	said, size := `{"Registration":5,"Verified":9}`, 0
	was, _ := used()
	for b.Loop() {
		r, err := http.NewRequestWithContext(b.Context(), "POST", "http://cell"+Prefix+"n77/heartbeat", strings.NewReader(said))
		if err != nil {
			b.Fatal(err)
		}
		resp, err := t.RoundTrip(r)
		if err != nil {
			b.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		if err != nil || !strings.Contains(string(body), "true") {
			b.Fatalf("answered %s, %v", body, err)
		}
		resp.Body.Close()
		size = len(body)
	}
	now, _ := used()
	b.ReportMetric(float64((now-was).Microseconds())/float64(b.N), "cpu-us/op")
	b.ReportMetric(float64(size), "bytes/op")
}
