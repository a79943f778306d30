package porcupinetest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"cairn/events/ledger"
)

// Server answers calls. An error that wraps ledger.ErrUnknown leaves the call
// open; any other says that nothing was changed.
type Server interface {
	Do(ctx context.Context, c Call) (Return, error)
}

// History is what clients called and were told. It may be used by many at once.
//
// Invariant: the clock moves before each call and after each return, so what
// ended before another began has the lower times.
type History struct {
	clock atomic.Int64

	mu        sync.Mutex
	calls     []porcupine.Operation
	counts    map[string]int   // by kind and answer
	revisions map[Value]uint64 // that a value was told with
	latest    map[viewer]uint64
	faults    []string
}

// viewer sees one register through one server.
type viewer struct {
	client int
	server Server
	key    string
}

// NewHistory returns an empty one.
func NewHistory() *History {
	return &History{counts: map[string]int{}, revisions: map[Value]uint64{}, latest: map[viewer]uint64{}}
}

// Do makes a call and notes it with what is answered; the error is the server's.
func (h *History) Do(ctx context.Context, client int, s Server, c Call) (Return, error) {
	called := h.clock.Add(1)
	r, err := s.Do(ctx, c)
	returned := h.clock.Add(1)
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case errors.Is(err, ledger.ErrUnknown):
		r, returned = Return{}, math.MaxInt64
	case err != nil:
		h.counts[c.Kind.String()+" nothing done"]++
		return Return{}, err
	}
	h.counts[c.Kind.String()+" "+r.Answer.String()]++
	h.observe(viewer{client, s, c.Key}, r)
	if c.Kind != Glance {
		h.calls = append(h.calls, porcupine.Operation{ClientId: client, Input: c, Call: called, Output: r, Return: returned})
	}
	return r, err
}

// observe holds an answer's value and revision to what was told before.
func (h *History) observe(v viewer, r Return) {
	if r.Answer != Done || r.Value == 0 {
		return
	}
	if was, ok := h.revisions[r.Value]; ok && was != r.Revision {
		h.faults = append(h.faults, fmt.Sprintf("value %d of %s stands at revision %d and at %d", r.Value, v.key, was, r.Revision))
	}
	if h.latest[v] > r.Revision {
		h.faults = append(h.faults, fmt.Sprintf("client %d saw %s at revision %d after %d, at one server", v.client, v.key, r.Revision, h.latest[v]))
	}
	h.revisions[r.Value], h.latest[v] = r.Revision, r.Revision
}

// Counts says how often each kind of call got each answer.
func (h *History) Counts() map[string]int { return h.counts }

// Result is the checker's: Ok, Illegal, or Unknown where it gave up. Clients
// are done by then.
func (h *History) Result() porcupine.CheckResult {
	return porcupine.CheckOperationsTimeout(model, h.calls, time.Minute)
}

// Check fails the test where no order explains the history, or a fault was
// found on the way. pkg is the test's folder, for the command that runs it again.
func (h *History) Check(t *testing.T, seed uint64, pkg string) {
	t.Helper()
	for _, f := range h.faults {
		t.Errorf("seed %d: %s", seed, f)
	}
	result := h.Result()
	if result != porcupine.Ok {
		t.Errorf("seed %d: %d calls are not shown to be linearizable: %s\n%s", seed, len(h.calls), result, h.picture(t))
	}
	if t.Failed() {
		t.Logf("again (the seed draws calls and faults; how clients race differs from run to run):\n"+
			"go test %s -run '%s' -count 50 -failfast -artifacts", pkg, strings.ReplaceAll("^"+t.Name()+"$", "/", "$/^"))
	}
}

// picture prints the registers whose history no order explains, and draws the
// whole as a page for the browser among the test's artifacts.
func (h *History) picture(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	for _, part := range byKey(h.calls) {
		if porcupine.CheckOperationsTimeout(model, part, time.Minute) == porcupine.Ok {
			continue
		}
		slices.SortFunc(part, func(x, y porcupine.Operation) int { return int(x.Call - y.Call) })
		for _, op := range part {
			end := fmt.Sprint(op.Return)
			if op.Return == math.MaxInt64 {
				end = "open"
			}
			fmt.Fprintf(&b, "%5d - %-5s client %d: %s\n", op.Call, end, op.ClientId, say(op.Input.(Call), op.Output.(Return)))
		}
	}
	page := filepath.Join(t.ArtifactDir(), "history.html")
	_, info := porcupine.CheckOperationsVerbose(model, h.calls, time.Minute)
	if err := porcupine.VisualizePath(model, info, page); err != nil {
		t.Error(err)
	}
	return b.String() + "drawn in " + page + " (kept with -artifacts)"
}
