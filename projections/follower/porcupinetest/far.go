package porcupinetest

import (
	"context"
	"errors"
	"runtime"

	"cairn/events"
	"cairn/events/ledger"
	"cairn/events/ledger/ledgertest"
)

// Rough is a ledger that loses, delays and doubles a third of all appends.
func Rough(l ledger.Ledger, seed uint64) *ledgertest.FaultyLedger {
	return ledgertest.Faulty(l, ledgertest.Faults{Seed: seed, Fail: 0.03, LoseCall: 0.08, LoseAck: 0.08, Late: 0.08, Duplicate: 0.08, MaxLate: 30})
}

// Far is a ledger whose answers are under way for a while, in which others go
// on: a server that follows it lags. It ends the calls of who is in a hurry
// once their append is unclear.
func Far(l ledger.Ledger) ledger.Ledger { return far{l} }

type far struct{ ledger.Ledger }

type hurry struct{}

// Hurry has one call in three give up once its append is unclear, so that its
// outcome stays unknown unless it shows at once. Servers write with it.
func Hurry(ctx context.Context, c Call) (context.Context, context.CancelFunc) {
	ctx, giveUp := context.WithCancel(ctx)
	if c.Value%3 == 0 {
		ctx = context.WithValue(ctx, hurry{}, giveUp)
	}
	return ctx, giveUp
}

func (l far) Append(ctx context.Context, records [][]byte) (events.Offset, error) {
	o, err := l.Ledger.Append(ctx, records)
	underWay()
	if giveUp, ok := ctx.Value(hurry{}).(context.CancelFunc); ok && errors.Is(err, ledger.ErrUnknown) {
		giveUp()
	}
	return o, err
}

func (l far) ReadPoint(ctx context.Context) (events.Offset, error) {
	defer underWay()
	return l.Ledger.ReadPoint(ctx)
}

func (l far) Fetch(ctx context.Context, from events.Offset, maxBytes int) ([]ledger.Record, error) {
	defer underWay()
	return l.Ledger.Fetch(ctx, from, maxBytes)
}

func underWay() {
	for range 100 {
		runtime.Gosched()
	}
}
