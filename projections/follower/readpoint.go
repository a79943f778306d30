package follower

import (
	"context"
	"fmt"
	"sync"

	"cairn/events"
)

// points shares read points among those who wait.
//
// Invariant: a caller is answered by a call to the ledger that began after it
// asked. So who comes while one is under way shares the next one.
type points struct {
	mu      sync.Mutex
	running bool
	next    *point // gathers callers; nil: none wait
}

type point struct {
	done chan struct{}
	end  events.Offset
	err  error
}

// ReadPoint returns once the view has folded all that was acknowledged before
// the call began.
func (f *Follower) ReadPoint(ctx context.Context) error {
	p := f.joinPoint()
	select {
	case <-p.done:
	case <-ctx.Done():
		return fmt.Errorf("waiting for the ledger's end: %w", ctx.Err())
	case <-f.ctx.Done():
		<-f.done
		return f.Err()
	}
	if p.err != nil {
		return fmt.Errorf("the ledger's end is not known: %w", p.err)
	}
	return f.Wait(ctx, p.end-1)
}

func (f *Follower) joinPoint() *point {
	f.points.mu.Lock()
	defer f.points.mu.Unlock()
	if f.points.next == nil {
		f.points.next = &point{done: make(chan struct{})}
	}
	p := f.points.next
	if !f.points.running {
		f.points.running = true
		go f.askPoints()
	}
	return p
}

// askPoints asks for as long as somebody waits.
func (f *Follower) askPoints() {
	for {
		f.points.mu.Lock()
		p := f.points.next
		if f.points.next = nil; p == nil {
			f.points.running = false
			f.points.mu.Unlock()
			return
		}
		f.points.mu.Unlock()
		folded := f.Position().Offset
		if p.end, p.err = f.ledger.ReadPoint(f.ctx); p.err == nil {
			p.err = f.checkEnd(p.end, folded)
		}
		close(p.done)
	}
}
