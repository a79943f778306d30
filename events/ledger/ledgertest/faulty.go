package ledgertest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"

	"cairn/events"
	"cairn/events/ledger"
)

// Faults says how often, from 0 to 1, an append meets each fate. Their sum is
// at most 1; the rest is appended and acknowledged.
type Faults struct {
	Seed      uint64
	Fail      float64 // not appended, ErrUnreachable
	LoseCall  float64 // not appended, ErrUnknown
	LoseAck   float64 // appended, ErrUnknown
	Late      float64 // ErrUnknown, appended after 1..MaxLate further appends (or by Deliver)
	Duplicate float64 // appended twice, the first one's offset is acknowledged
	MaxLate   int     // at least 1 where Late is set
}

// FaultyLedger is a ledger that loses, delays and doubles appends. Driven by
// one goroutine its behaviour is a function of the seed.
//
// Invariant: what it acknowledged is in the inner ledger at that offset, and
// whatever else may be there, or come, was ErrUnknown or is a second copy.
type FaultyLedger struct {
	inner  ledger.Ledger
	faults Faults

	mu     sync.Mutex
	random *rand.Rand
	late   []lateCall
	quiet  bool
	story  []string
}

type lateCall struct {
	after   int // further appends
	records [][]byte
}

var _ ledger.Ledger = (*FaultyLedger)(nil)

// Faulty wraps inner, which the caller still closes through it.
func Faulty(inner ledger.Ledger, f Faults) *FaultyLedger {
	return &FaultyLedger{inner: inner, faults: f, random: rand.New(rand.NewPCG(f.Seed, 0x6361_6972_6e))}
}

// Append implements ledger.Ledger, more or less.
func (l *FaultyLedger) Append(ctx context.Context, records [][]byte) (events.Offset, error) {
	if err := ledger.Check(records); err != nil {
		return events.NoOffset, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.due(ctx); err != nil {
		return events.NoOffset, err
	}
	fate := l.fate()
	l.story = append(l.story, fate)
	switch fate {
	case "fail":
		return events.NoOffset, fmt.Errorf("%w: injected", ledger.ErrUnreachable)
	case "lose call":
		return events.NoOffset, fmt.Errorf("%w: injected: the call was lost", ledger.ErrUnknown)
	case "late":
		after := 1 + l.random.IntN(max(1, l.faults.MaxLate))
		l.late = append(l.late, lateCall{after, clone(records)})
		return events.NoOffset, fmt.Errorf("%w: injected: the call is late", ledger.ErrUnknown)
	}
	first, err := l.inner.Append(ctx, records)
	if err != nil {
		return first, err
	}
	switch fate {
	case "lose acknowledgement":
		return events.NoOffset, fmt.Errorf("%w: injected: the acknowledgement was lost", ledger.ErrUnknown)
	case "duplicate":
		if _, err := l.inner.Append(ctx, records); err != nil {
			return events.NoOffset, err
		}
	}
	return first, nil
}

func (l *FaultyLedger) fate() string {
	if l.quiet {
		return "append"
	}
	x := l.random.Float64()
	for _, f := range []struct {
		name string
		p    float64
	}{
		{"fail", l.faults.Fail}, {"lose call", l.faults.LoseCall}, {"lose acknowledgement", l.faults.LoseAck},
		{"late", l.faults.Late}, {"duplicate", l.faults.Duplicate},
	} {
		if x < f.p {
			return f.name
		}
		x -= f.p
	}
	return "append"
}

// due appends the late calls whose time has come, in the order they were made
// late.
func (l *FaultyLedger) due(ctx context.Context) error {
	var rest []lateCall
	for i, c := range l.late {
		if c.after--; c.after > 0 {
			rest = append(rest, c)
			continue
		}
		if _, err := l.inner.Append(ctx, c.records); err != nil {
			l.late = append(rest, l.late[i:]...)
			return err
		}
	}
	l.late = rest
	return nil
}

// Deliver appends every late call now.
func (l *FaultyLedger) Deliver(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range l.late {
		l.late[i].after = 0
	}
	return l.due(ctx)
}

// Drop forgets the late calls: they are never delivered.
func (l *FaultyLedger) Drop() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.late = nil
}

// Calm stops the faults; late calls are still delivered.
func (l *FaultyLedger) Calm() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.quiet = true
}

// Story returns the fate of each append so far.
func (l *FaultyLedger) Story() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]string(nil), l.story...)
}

// Fetch implements ledger.Ledger.
func (l *FaultyLedger) Fetch(ctx context.Context, from events.Offset, maxBytes int) ([]ledger.Record, error) {
	return l.inner.Fetch(ctx, from, maxBytes)
}

// ReadPoint implements ledger.Ledger.
func (l *FaultyLedger) ReadPoint(ctx context.Context) (events.Offset, error) {
	return l.inner.ReadPoint(ctx)
}

// Close implements ledger.Ledger; late calls are lost.
func (l *FaultyLedger) Close() error { return l.inner.Close() }

func clone(records [][]byte) [][]byte {
	c := make([][]byte, len(records))
	for i, r := range records {
		c[i] = append([]byte(nil), r...)
	}
	return c
}
