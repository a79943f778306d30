package embedded_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"cairn/events"
	"cairn/events/ledger"
	"cairn/events/ledger/embedded"
	"cairn/events/ledger/ledgertest"
)

// witness remembers what a ledger said to anybody.
type witness struct {
	t    *testing.T
	what string
	said []string // by offset: acknowledged, or served after an open
}

// reads takes what an opened log serves: all that was said before, and perhaps
// the records of one call whose outcome was unknown.
func (w *witness) reads(l ledger.Ledger) {
	w.t.Helper()
	got := ledgertest.ReadAll(w.t, l)
	if len(got) < len(w.said) {
		w.t.Fatalf("%s: %d records are left of %d", w.what, len(got), len(w.said))
	}
	for i, r := range got {
		if i == len(w.said) {
			w.said = append(w.said, string(r.Data))
		} else if string(r.Data) != w.said[i] {
			w.t.Fatalf("%s: offset %d holds %.20q, it was %.20q", w.what, i, r.Data, w.said[i])
		}
	}
}

// live opens the log, reads it, and appends until a sync fails or it has had
// enough; then it dies, closed in good order or not.
func (w *witness) live(dir string, c *cache, call int) (calls int) {
	w.t.Helper()
	l, err := embedded.Open(dir, embedded.Options{SegmentBytes: 2000, Fault: c.fault})
	var damage *ledger.Damage
	if errors.As(err, &damage) || errors.Is(err, ledger.ErrSettings) {
		w.t.Fatalf("%s: open: %v", w.what, err)
	}
	if err != nil {
		return call // the disk's error
	}
	w.reads(l)
	for range c.random.IntN(9) {
		text := fmt.Sprint("call ", call, strings.Repeat(".", c.random.IntN(900)))
		call++
		first, err := l.Append(w.t.Context(), [][]byte{[]byte(text), []byte("and")})
		if err != nil {
			break
		}
		if first != events.Offset(len(w.said)) {
			w.t.Fatalf("%s: append went to %d, want %d", w.what, first, len(w.said))
		}
		w.said = append(w.said, text, "and")
	}
	if c.random.IntN(2) == 0 { // killed
		still := c.fails
		c.fails = func(embedded.Op) bool { return true }
		_ = l.Close()
		c.fails = still
	} else {
		_ = l.Close() // its sync may fail like any other
	}
	return call
}

// TestWhatIsServedAfterAFailedSyncSurvivesTheLossOfPower opens logs again and
// again on a disk whose syncs fail now and then, and then cuts the power: all
// that was acknowledged, or read by anyone after an open, is there.
func TestWhatIsServedAfterAFailedSyncSurvivesTheLossOfPower(t *testing.T) {
	syncs := 0
	const seeds = 60
	for seed := range uint64(seeds) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			c := newCache(t, seed)
			c.fails = func(op embedded.Op) bool {
				return (op == embedded.OpSync || op == embedded.OpSyncDir) && c.random.IntN(7) == 0
			}
			dir, calls := t.TempDir(), 0
			w := &witness{t: t}
			for life := range 6 {
				w.what = fmt.Sprint("life ", life)
				calls = w.live(dir, c, calls)
				c.die()
				c.evict()
			}
			w.what = "after the loss of power"
			w.reads(open(t, c.loseThePower(), embedded.Options{}))
			syncs += c.failed
		})
	}
	if syncs < seeds {
		t.Errorf("only %d syncs failed: the test covers less than it says", syncs)
	}
}
