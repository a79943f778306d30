package serve

import (
	"context"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"cairn/events"
	"cairn/events/ledger"
	"cairn/events/ledger/memory"
	"cairn/projections/apiserver/budget"
	"cairn/projections/apiserver/encryption"
	"cairn/projections/apiserver/pki"
	"cairn/projections/follower"
	"cairn/projections/store"
)

// cell is a whole cell's API on loopback: memory ledger, real fold, real view.
type cell struct {
	t      testing.TB
	log    *memory.Log
	view   *follower.Follower
	pki    *pki.Authority
	server *Server
	dir    string
	limits budget.Limits
	name   string // of servers started from now on
}

func newCell(t testing.TB) *cell { return newCellAt(t, events.Newest) }

// newCellAt makes a cell that begins at a gate.
func newCellAt(t testing.TB, gate events.Gate) *cell {
	t.Helper()
	c := &cell{t: t, name: "s1", log: memory.New(func() int64 { return time.Now().UnixNano() }), dir: t.TempDir()}
	t.Cleanup(func() { c.log.Close() })
	first := &events.Event{ID: events.ID(uuid.Must(uuid.NewV7())), Type: events.CellCreated, Subject: events.Ref{Kind: events.Cells, Name: "test"},
		Base: events.NoOffset, Facts: events.Facts{Cell: &events.Cell{Name: "test", Incarnation: "0b1c", R0: 1000, Gate: gate, Window: 1 << 17,
			PodRange: "10.66.0.0/16", ServiceRange: "10.67.0.0/16", NodeMask: 24, NodePortLow: 30000, NodePortHigh: 30100, DNSAddress: "10.67.0.10"}}}
	_, err := c.log.Append(t.Context(), [][]byte{events.AppendFrame(nil, first)})
	must(t, err)
	s, err := store.Open(filepath.Join(c.dir, "view"), store.Options{Disk: store.MemoryDisk()})
	must(t, err)
	t.Cleanup(func() { s.Close() })
	c.view, err = follower.Start(context.Background(), follower.Options{Ledger: c.log, Store: s})
	must(t, err)
	t.Cleanup(func() { c.view.Stop() })
	must(t, c.view.Wait(t.Context(), 0))
	c.pki, err = pki.Open(filepath.Join(c.dir, "pki"), "test")
	must(t, err)
	c.start()
	return c
}

func (c *cell) start() { c.startOver(c.view) }

// startOver starts a server over the cell as something else shows it.
func (c *cell) startOver(view follower.Cell) {
	c.t.Helper()
	ring, err := encryption.Open(filepath.Join(c.dir, "keys"))
	must(c.t, err)
	server, err := Start(context.Background(), Config{Cell: view, Ring: ring, Name: c.name, PKI: c.pki, Listen: "127.0.0.1:0", Budget: c.limits})
	must(c.t, err)
	c.server = server
	c.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
		defer cancel()
		server.Close(ctx)
	})
}

// config is a client's, with a certificate that names the user.
func (c *cell) config(user string, groups ...string) *rest.Config {
	c.t.Helper()
	p, err := c.pki.Issue(user, groups...)
	must(c.t, err)
	return &rest.Config{Host: "https://" + c.server.Addr(), QPS: -1, UserAgent: "test/" + user,
		TLSClientConfig: rest.TLSClientConfig{CAData: c.pki.CertPEM(), CertData: p.Cert, KeyData: p.Key}}
}

func (c *cell) client(user string, groups ...string) kubernetes.Interface {
	return kubernetes.NewForConfigOrDie(c.config(user, groups...))
}

func (c *cell) admin() kubernetes.Interface { return c.client("alice", "system:masters") }

// http is a plain HTTP client with the user's certificate.
func (c *cell) http(user string, groups ...string) *http.Client {
	h, err := rest.HTTPClientFor(c.config(user, groups...))
	must(c.t, err)
	return h
}

// records reads the ledger's raw bytes and events.
func (c *cell) records() ([]ledger.Record, []*events.Event) {
	c.t.Helper()
	end, err := c.log.ReadPoint(c.t.Context())
	must(c.t, err)
	var raw []ledger.Record
	var list []*events.Event
	for at := events.Offset(0); at < end; {
		rs, err := c.log.Fetch(c.t.Context(), at, 1<<20)
		must(c.t, err)
		for _, r := range rs {
			e, err := events.ReadFrame(r.Data)
			must(c.t, err)
			raw, list = append(raw, r), append(list, e)
		}
		at += events.Offset(len(rs))
	}
	return raw, list
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// eventually waits for a condition, ten seconds at most.
func eventually(t testing.TB, what string, fn func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !fn(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: not within ten seconds", what)
		}
	}
}
