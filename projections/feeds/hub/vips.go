package hub

import (
	"cmp"
	"context"
	"slices"
	"time"

	"cairn/events"
	"cairn/events/feed"
	"cairn/projections/feeds"
)

const (
	// chunkBytes is how much of a list, or of changes that waited, is written at once.
	chunkBytes = 64 << 10
	// restPerStream has all streams together be written to at most 50,000 times a
	// second: 5,000 of them rest for 100 ms after each write, and take what came
	// meanwhile together.
	restPerStream = 20 * time.Microsecond
)

// list is all entries and the removals that are still known, in order of their
// offsets, encoded. It is never changed.
type list struct {
	chunks []chunk
	floor  events.Offset // whoever is verified to it or later may skip the chunks he knows
	next   int64         // the ring's number of the first change that is not in it
	bytes  int64
}

type chunk struct {
	last   events.Offset // of its entries; those of later chunks are as new or newer
	frames []byte
}

var wholeFrame = feed.AppendFrame(nil, &feed.VIPEntry{Offset: events.NoOffset, Whole: true})

// VIPs writes the cell's services, slices and peers: what changed after from,
// the last mark that the node has seen, or, where from is NoOffset or too long
// ago, everything, headed so; then a mark, then what changes with marks. It
// ends as Assignments does.
func (h *Hub) VIPs(ctx context.Context, from events.Offset, write Write) error {
	g, err := h.reach(ctx, from)
	if err != nil {
		return err
	}
	g.count(1)
	defer g.count(-1)
	next, ok := g.resume(from)
	if !ok {
		if next, err = g.catchUp(ctx, from, write); err != nil {
			return err
		}
	}
	tick := time.NewTimer(soon())
	defer tick.Stop()
	for {
		frames, wake, rest, err := g.more(&next)
		if err != nil {
			return err
		}
		if err := write(frames...); err != nil {
			return err
		}
		if wake == nil {
			continue // there is more already
		}
		tick.Reset(rest)
		select {
		case <-tick.C:
		case <-g.done:
			return errOver
		case <-ctx.Done():
			return ctx.Err()
		}
		tick.Reset(soon())
		select {
		case <-wake:
		case <-tick.C:
		case <-g.done:
			return errOver
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (g *generation) count(n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.streams += n
}

func (g *generation) resume(from events.Offset) (int64, bool) {
	if from == events.NoOffset {
		return 0, false
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.ring.after(from)
}

// more gives the next changes: with a mark, and what to wait for, where they
// are the last; and how long the stream should rest before.
func (g *generation) more(next *int64) (frames [][]byte, wake chan struct{}, rest time.Duration, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	var ok bool
	if frames, *next, ok = g.ring.read(*next, chunkBytes); !ok {
		return nil, nil, 0, ErrBehind
	}
	if *next == g.ring.end() {
		frames, wake = append(frames, g.marked()), g.ring.wake
	}
	return frames, wake, time.Duration(g.streams) * restPerStream, nil
}

// catchUp writes a list, or the part of it that is newer than from, and gives
// where to go on in the ring.
func (g *generation) catchUp(ctx context.Context, from events.Offset, write Write) (int64, error) {
	l := g.listed()
	first := 0
	if from != events.NoOffset && from >= l.floor {
		first, _ = slices.BinarySearchFunc(l.chunks, from+1, func(c chunk, o events.Offset) int { return cmp.Compare(c.last, o) })
	} else if err := write(wholeFrame); err != nil {
		return 0, err
	}
	for _, c := range l.chunks[first:] {
		if ctx.Err() != nil {
			return 0, ctx.Err()
		}
		if !g.holds(l.next) {
			return 0, ErrBehind // and let go of the list
		}
		if err := write(c.frames); err != nil {
			return 0, err
		}
	}
	return l.next, nil
}

func (g *generation) holds(number int64) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return number >= g.ring.first
}

// listed gives the last list made, or a new one where more has changed since
// than it holds.
func (g *generation) listed() *list {
	g.listing.Lock()
	defer g.listing.Unlock()
	g.mu.Lock()
	if l := g.list; l != nil && l.next >= g.ring.first && g.ring.since(l.next) <= l.bytes/2+chunkBytes {
		g.mu.Unlock()
		return l
	}
	rows, floor := g.network.Rows()
	l := &list{floor: floor, next: g.ring.end()}
	g.mu.Unlock()
	slices.SortFunc(rows, func(a, b *feeds.Row) int { return cmp.Compare(a.Offset, b.Offset) })
	for _, r := range rows {
		n := len(l.chunks)
		if n == 0 || len(l.chunks[n-1].frames)+len(r.Frame) > chunkBytes {
			l.chunks, n = append(l.chunks, chunk{frames: make([]byte, 0, chunkBytes)}), n+1
		}
		c := &l.chunks[n-1]
		c.frames, c.last = append(c.frames, r.Frame...), r.Offset
		l.bytes += int64(len(r.Frame))
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.list = l
	return l
}
