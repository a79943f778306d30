package worldtest

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"testing/cryptotest"
	"testing/synctest"
	"time"

	utilrand "k8s.io/apimachinery/pkg/util/rand"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/client-go/kubernetes"

	"cairn/events"
	"cairn/events/ledger/memory"
	"cairn/projections/apiserver/budget"
	"cairn/projections/apiserver/encryption"
	"cairn/projections/apiserver/pki"
	"cairn/projections/apiserver/serve"
	"cairn/projections/follower"
	"cairn/projections/store"
)

// Start is when every world in a bubble begins.
var Start = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// World is a cell with its API server. Reconcilers and nodes join it.
type World struct {
	T      testing.TB
	Ledger *memory.Log
	Cell   *follower.Follower
	Server *serve.Server
	CA     *pki.Authority
	Log    *slog.Logger // discards

	// First is the offset of the first record that is not the server's own start.
	First events.Offset

	network *network
	store   *store.Store
	bubble  bool
	ctx     context.Context
	end     context.CancelFunc
	closing []func()
	refused map[string]string // "POST pods" -> why
	names   names
	nodes   map[string]*scripted
}

// In runs fn on a new world in a bubble, with randomness from a seed.
func In(t *testing.T, seed uint64, fn func(w *World)) {
	synctest.Test(t, func(t *testing.T) {
		cryptotest.SetGlobalRandom(t, seed)
		utilrand.Seed(int64(seed))
		w := New(t)
		w.bubble = true
		defer w.Close()
		w.Settled()
		w.First = w.Cell.Position().Offset + 1
		fn(w)
	})
}

// New starts a world on whatever clock the caller's goroutine has.
func New(t testing.TB) *World {
	t.Helper()
	w := &World{T: t, Log: slog.New(slog.NewTextHandler(io.Discard, nil)), refused: map[string]string{}, nodes: map[string]*scripted{}, network: newNetwork()}
	w.names.init()
	w.ctx, w.end = context.WithCancel(context.Background())
	w.Ledger = memory.New(func() int64 { return time.Now().UnixNano() })
	dir := t.TempDir()
	var err error
	w.store, err = store.Open(filepath.Join(dir, "view"), store.Options{Disk: store.MemoryDisk()})
	w.Must(err)
	w.Cell, err = follower.Start(w.ctx, follower.Options{Ledger: w.Ledger, Store: w.store, Log: w.Log})
	w.Must(err)
	w.Must(w.create())
	w.CA, err = pki.Open(filepath.Join(dir, "pki"), "test")
	w.Must(err)
	ring, err := encryption.Open(filepath.Join(dir, "keys"))
	w.Must(err)
	w.Server, err = serve.Start(w.ctx, serve.Config{Cell: w.Cell, Ring: ring, PKI: w.CA, Listener: w.network.listener(apiAddress),
		Budget: budget.Limits{Rate: -1}, Log: w.Log})
	w.Must(err)
	w.First = w.Cell.Position().Offset + 1
	return w
}

// create writes record 0.
func (w *World) create() error {
	_, err := w.Cell.Write(w.ctx, &events.Event{Type: events.CellCreated, Subject: events.Ref{Kind: events.Cells, Name: "test"},
		Facts: events.Facts{Cell: &events.Cell{Name: "test", Incarnation: "0b1c", Gate: events.Newest, Window: 1 << 17, PodRange: "10.64.0.0/10",
			ServiceRange: "10.32.0.0/16", NodeMask: 24, NodePortLow: 30000, NodePortHigh: 32767, DNSAddress: "10.32.0.10"}}})
	return err
}

// Close ends the world and waits for its goroutines.
func (w *World) Close() {
	for i := len(w.closing) - 1; i >= 0; i-- {
		w.closing[i]()
	}
	for _, n := range w.nodes {
		n.client.CloseIdleConnections()
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = w.Server.Close(ctx) // what is cut off is cut off
	w.end()
	w.Cell.Stop()
	w.network.close()
	if err := w.store.Close(); err != nil {
		w.T.Error(err)
	}
	_ = w.Ledger.Close()
}

// Must ends the test on an error.
func (w *World) Must(err error) {
	w.T.Helper()
	if err != nil {
		w.T.Fatal(err)
	}
}

// Settled returns once nothing in the world is under way at this moment. It
// needs a bubble.
func (w *World) Settled() {
	if w.bubble {
		synctest.Wait()
	}
}

// Pass lets time go by.
func (w *World) Pass(d time.Duration) {
	time.Sleep(d)
	w.Settled()
}

// Until lets time pass until a condition holds; the test fails where it does
// not within limit.
func (w *World) Until(limit time.Duration, what string, ok func() bool) {
	w.T.Helper()
	pause := 20 * time.Millisecond
	if !w.bubble {
		pause = 250 * time.Millisecond // a look costs real time
	}
	began := time.Now()
	for end := began.Add(limit); ; time.Sleep(max(pause, min(time.Since(began)/50, time.Second))) {
		w.Settled()
		if ok() {
			return
		}
		if time.Now().After(end) {
			w.T.Fatalf("not within %v: %s\n%s", limit, what, w.All())
		}
	}
}

// Client is a client in process with a person's rights of an administrator.
func (w *World) Client(name string) kubernetes.Interface {
	return w.Server.ClientFor(&user.DefaultInfo{Name: name, Groups: []string{"system:masters", "system:authenticated"}})
}

// Records reads the records from an offset on.
func (w *World) Records(from events.Offset) (list []*events.Event) {
	end, err := w.Ledger.ReadPoint(w.ctx)
	w.Must(err)
	for at := from; at < end; {
		records, err := w.Ledger.Fetch(w.ctx, at, 1<<20)
		w.Must(err)
		for _, r := range records {
			e, err := events.ReadFrame(r.Data)
			w.Must(err)
			list = append(list, e)
		}
		at += events.Offset(len(records))
	}
	return list
}

// Random is a source that belongs to one use of a seed.
func Random(seed uint64, use string) *rand.Rand {
	h := uint64(14695981039346656037)
	for _, c := range []byte(use) {
		h = (h ^ uint64(c)) * 1099511628211
	}
	return rand.New(rand.NewPCG(seed, h))
}

func (w *World) String() string { return fmt.Sprintf("world at record %d", w.Cell.Position().Offset) }
