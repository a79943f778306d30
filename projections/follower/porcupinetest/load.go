package porcupinetest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
)

// Load is what clients do at once, each one call after the other, at a server
// drawn anew for each call. Few keys are hot ones.
type Load struct {
	Seed    uint64
	Servers []Server
	Clients int
	Calls   int // of each client
	Keys    int
}

// Run makes all calls and notes them; it returns when the last is answered.
func (l Load) Run(ctx context.Context, h *History) {
	var wg sync.WaitGroup
	for n := range l.Clients {
		wg.Go(func() {
			c := client{random: rand.New(rand.NewPCG(l.Seed, uint64(n))), held: map[string]Return{}}
			for i := range l.Calls {
				call := c.draw(l.Keys, Value(n*l.Calls+i+1))
				r, err := h.Do(ctx, n, l.Servers[c.random.IntN(len(l.Servers))], call)
				if err == nil && r.Answer == Done && call.Kind != Glance {
					c.held[call.Key] = r
				}
			}
		})
	}
	wg.Wait()
}

// Finish reads each register at each server, so that what took effect late is
// seen. Clients and the ledger are quiet by then.
func (l Load) Finish(ctx context.Context, h *History) error {
	for k := range l.Keys {
		for _, s := range l.Servers {
			if _, err := h.Do(ctx, l.Clients, s, Call{Kind: Read, Key: key(k)}); err != nil {
				return err
			}
		}
	}
	return nil
}

func key(n int) string { return fmt.Sprint("k", n) }

type client struct {
	random *rand.Rand
	held   map[string]Return // what it last saw of each register
}

// draw makes a call with a value of its own. Half of what depends on a value
// seen before compares.
func (c *client) draw(keys int, own Value) Call {
	call := Call{Key: key(c.random.IntN(keys)), Value: own}
	compare := false
	switch x := c.random.IntN(20); {
	case x < 7:
		call.Kind = Read
	case x < 9:
		call.Kind = Glance
	case x < 12:
		call.Kind = Create
	case x < 18:
		call.Kind, compare = Update, x < 16
	default:
		call.Kind, compare = Delete, x == 19
	}
	if held := c.held[call.Key]; compare && held.Value != 0 {
		call.Expect, call.Revision = held.Value, held.Revision
	}
	return call
}
