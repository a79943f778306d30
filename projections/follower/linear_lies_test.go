package follower

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"cairn/events"
	"cairn/events/ledger"
	"cairn/projections/follower/porcupinetest"
)

// lying is a server that does a call in its own way.
type lying struct {
	*server
	lie func(*server, context.Context, porcupinetest.Call) (porcupinetest.Return, error)
}

func (l *lying) Do(ctx context.Context, c porcupinetest.Call) (porcupinetest.Return, error) {
	return l.lie(l.server, ctx, c)
}

// lies are servers' bugs that no answer shows by itself.
var lies = map[string]func(*server, context.Context, porcupinetest.Call) (porcupinetest.Return, error){
	"one read in eight answers from an old revision": func(s *server, ctx context.Context, c porcupinetest.Call) (porcupinetest.Return, error) {
		r, err := s.Do(ctx, c)
		if p := s.f.Position(); err == nil && c.Kind == porcupinetest.Read && c.Value%8 == 0 {
			return s.get(c, events.RevisionOf(p.R0, max(1, p.Offset-8), events.MaxOrdinal))
		}
		return r, err
	},
	"an unknown outcome is told as a no": func(s *server, ctx context.Context, c porcupinetest.Call) (porcupinetest.Return, error) {
		r, err := s.Do(ctx, c)
		if errors.Is(err, ledger.ErrUnknown) {
			err = errors.New("nothing was changed")
		}
		return r, err
	},
	"what is unclear is written anew under another id": func(s *server, ctx context.Context, c porcupinetest.Call) (porcupinetest.Return, error) {
		r, err := s.Do(ctx, c)
		for errors.Is(err, ledger.ErrUnknown) {
			r, err = s.Do(ctx, c)
		}
		return r, err
	},
	"an update that lost its race is acknowledged": func(s *server, ctx context.Context, c porcupinetest.Call) (porcupinetest.Return, error) {
		r, err := s.Do(ctx, c)
		if r.Answer == porcupinetest.Moved && c.Kind == porcupinetest.Update {
			r = porcupinetest.Return{Answer: porcupinetest.Done, Value: c.Value, Revision: uint64(s.f.Position().Revision())}
		}
		return r, err
	},
}

// The checker is worth its name: where one of two servers lies, no order explains
// what clients were told. How they race is not in the seed, and a lie may harm
// nobody by chance (one run in ten at most): so it may be told ten times.
func TestALyingServerIsCaught(t *testing.T) {
	for name, lie := range lies {
		t.Run(name, func(t *testing.T) {
			for seed := range uint64(10) {
				x := newLinear(t, newLedger(), 1<<17, seed)
				x.load.Servers[1] = &lying{x.b, lie}
				if x.run(t).Result() == porcupine.Illegal {
					return
				}
			}
			t.Error("ten histories with this lie passed the check")
		})
	}
}

// A follower that is cut off answers a glance with what it has. Were that taken
// for a read, the history would be illegal; a read waits for its read point.
func TestASkippedReadPointIsCaught(t *testing.T) {
	inner, gate := newLedger(), make(chan struct{})
	appendAll(t, inner, firstRecord(1<<17), withID(namespace("default"), 200))
	cut := &altered{Ledger: held{inner, 2, gate}}
	a, b := &server{follow(t, inner)}, &server{follow(t, cut)}
	must(t, b.f.Wait(t.Context(), 1))
	told := func(key string, s porcupinetest.Server, kind porcupinetest.Kind) (porcupinetest.Answer, porcupine.CheckResult) {
		h := porcupinetest.NewHistory()
		_, err := h.Do(t.Context(), 0, a, porcupinetest.Call{Kind: porcupinetest.Create, Key: key, Value: 1})
		must2(t, err)
		r, err := h.Do(t.Context(), 1, s, porcupinetest.Call{Kind: kind, Key: key})
		must2(t, err)
		return r.Answer, h.Result()
	}
	if answer, result := told("k0", b, porcupinetest.Glance); answer != porcupinetest.Absent || result != porcupine.Ok {
		t.Errorf("a glance: %s, %s", answer, result)
	}
	skips := &lying{b, func(s *server, _ context.Context, c porcupinetest.Call) (porcupinetest.Return, error) {
		return s.get(c, 0)
	}}
	if answer, result := told("k1", skips, porcupinetest.Read); answer != porcupinetest.Absent || result != porcupine.Illegal {
		t.Errorf("a read without a read point: %s, %s", answer, result)
	}
	before := cut.reads.Load()
	go func() {
		for cut.reads.Load() == before && t.Context().Err() == nil {
			time.Sleep(time.Millisecond)
		}
		close(gate)
	}()
	if answer, result := told("k2", b, porcupinetest.Read); answer != porcupinetest.Done || result != porcupine.Ok {
		t.Errorf("a read: %s, %s", answer, result)
	}
}
