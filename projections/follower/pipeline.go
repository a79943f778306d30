package follower

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"runtime/debug"
	"sync"
	"time"

	"cairn/events"
	"cairn/events/ledger"
	"cairn/projections/digest"
	"cairn/projections/fold"
	"cairn/projections/store"
	"cairn/projections/view"
)

// Bounds of what is in memory on its way: about 30 chunks.
const (
	fetchBytes  = 4 << 20
	chunkBytes  = 256 << 10 // of records in a chunk, or one larger record
	commitBytes = 4 << 20   // of weight in a commit, about
	queued      = 4         // chunks between two stages
)

// Folder is the fold as a pipeline drives it: fold.State.
type Folder interface {
	Apply(fold.Input) fold.Result
	Rows() []fold.Row
}

// Load makes a Folder from its stored rows; without any, the one before record 0.
type Load func(rows iter.Seq2[[]byte, []byte]) (Folder, error)

func loadFold(rows iter.Seq2[[]byte, []byte]) (Folder, error) { return fold.Load(rows) }

// Leaf is the hash of a record as its ledger stored it: place in time and bytes.
// A ledger that answers with another leaf is not the one that was folded.
func Leaf(r ledger.Record) [32]byte {
	h := sha256.New()
	h.Write(binary.BigEndian.AppendUint64([]byte{0}, uint64(r.Time)))
	h.Write(r.Data)
	return [32]byte(h.Sum(nil))
}

// chunk is some records on their way through the stages.
type chunk struct {
	records []ledger.Record
	inputs  []fold.Input
	entries []store.Entry
	pos     view.Position // after the last entry
	lanes   []byte
	last    error // nothing may follow it, and why; nil: all may
}

func (c *chunk) weight() (n int) {
	for i := range c.entries {
		n += weight(&c.entries[i])
	}
	return n
}

// pipeline is the stages of which only the fold is serial by nature; each has
// one goroutine, so that they overlap.
type pipeline struct {
	ledger ledger.Ledger
	fold   Folder
	digest *digest.Digest
	size   int                      // records in a chunk at most
	end    events.Offset            // one past the last record wanted; 0: for ever
	keeps  func(events.Offset) bool // whether the position after a record is wanted
	commit func(*chunk) error
	pause  func(error) // called with a fetch that failed and will be tried again; nil with success

	decoding, folding, encoding, hashing, committing chan *chunk
	over                                             bool // the fold's: it met the last record that it understands
}

// run goes from an offset until the end, ctx's end (then it returns its error)
// or the first failure.
func (p *pipeline) run(ctx context.Context, from events.Offset) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wg sync.WaitGroup
	stage := func(in, out chan *chunk, work func(*chunk) error) {
		wg.Go(func() {
			if out != nil {
				defer close(out)
			}
			for c := range in {
				if ctx.Err() != nil {
					continue // drain, so that the stage before can end
				}
				if err := work(c); err != nil {
					cancel(err)
				} else if out != nil {
					select {
					case out <- c:
					case <-ctx.Done():
					}
				}
			}
		})
	}
	stage(p.decoding, p.folding, decode)
	stage(p.folding, p.encoding, p.apply)
	stage(p.encoding, p.hashing, encode)
	stage(p.hashing, p.committing, p.hash)
	stage(p.committing, nil, p.finish)
	if err := p.fetch(ctx, from); err != nil {
		cancel(err)
	}
	close(p.decoding)
	wg.Wait()
	return context.Cause(ctx)
}

func newPipeline() *pipeline {
	return &pipeline{keeps: func(events.Offset) bool { return false }, pause: func(error) {},
		decoding: make(chan *chunk, queued), folding: make(chan *chunk, queued), encoding: make(chan *chunk, queued),
		hashing: make(chan *chunk, queued), committing: make(chan *chunk, queued)}
}

// fetch feeds the first stage. Offsets must follow each other without a gap.
func (p *pipeline) fetch(ctx context.Context, next events.Offset) error {
	for back := newBackOff(); p.end == 0 || next < p.end; {
		records, err := p.ledger.Fetch(ctx, next, fetchBytes)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		p.pause(err)
		if err != nil {
			if fatal(err) {
				return err
			}
			back.wait(ctx, nil)
			continue
		}
		back = newBackOff()
		for len(records) > 0 && (p.end == 0 || next < p.end) {
			n, err := p.cut(records, next)
			if err != nil {
				return err
			}
			select {
			case p.decoding <- &chunk{records: records[:n]}:
			case <-ctx.Done():
				return context.Cause(ctx)
			}
			records, next = records[n:], next+events.Offset(n)
		}
	}
	return nil
}

// cut counts the records of the next chunk, which begins at an offset. It ends
// with a record after which the position is kept, for the fold's rows are those
// after a chunk.
func (p *pipeline) cut(records []ledger.Record, next events.Offset) (n int, err error) {
	for bytes := 0; n < min(len(records), p.size) && (p.end == 0 || next < p.end); n, next = n+1, next+1 {
		if o := records[n].Offset; o != next {
			return 0, &ledger.Damage{Where: "the ledger's answer", Offset: next, Byte: -1, What: fmt.Sprintf("record %d came where %d is next", o, next)}
		}
		if bytes += len(records[n].Data); n > 0 && bytes > chunkBytes {
			break
		}
		if p.keeps(next) {
			return n + 1, nil
		}
	}
	return n, nil
}

// fatal reports whether asking again can't help.
func fatal(err error) bool {
	var damage *ledger.Damage
	return errors.As(err, &damage) || errors.Is(err, ledger.ErrClosed) || errors.Is(err, ledger.ErrFailed) || errors.Is(err, ledger.ErrSettings)
}

// decode lets go of what was fetched: an event keeps nothing of it, else one
// small object that lives would keep megabytes of its neighbours.
func decode(c *chunk) error {
	c.inputs, c.entries = make([]fold.Input, len(c.records)), make([]store.Entry, len(c.records))
	for i, r := range c.records {
		e, err := events.ReadFrame(r.Data)
		if err != nil {
			e = nil
		} else {
			for k := range e.Parts {
				e.Parts[k].Data = bytes.Clone(e.Parts[k].Data)
			}
		}
		c.inputs[i] = fold.Input{Offset: r.Offset, Time: r.Time, Event: e, Err: err, Bytes: len(r.Data)}
		c.entries[i].Bytes, c.entries[i].Leaf = len(r.Data), Leaf(r)
	}
	c.records = nil
	return nil
}

// apply is the fold. A panic stops the replica: going on would diverge. So
// does a record that activates a gate above what the binary knows, once it is
// committed.
func (p *pipeline) apply(c *chunk) (err error) {
	if p.over {
		c.entries = nil
		return nil
	}
	i := 0
	defer func() {
		if x := recover(); x != nil {
			in, id := c.inputs[i], events.ID{}
			if in.Event != nil {
				id = in.Event.ID
			}
			err = fmt.Errorf("BUG: the fold failed on record %d (id %s): %v; report it, and go on with a binary that lists that id as faulted\n%s", in.Offset, id, x, debug.Stack())
		}
	}()
	for ; i < len(c.inputs); i++ {
		r := p.fold.Apply(c.inputs[i])
		c.entries[i].Result = &r
		if r.Gate > events.Newest {
			p.over, c.last, c.entries = true, beyond(r.Gate), c.entries[:i+1]
			break
		}
	}
	c.entries[len(c.entries)-1].Rows = p.fold.Rows()
	c.inputs = nil
	return nil
}

func encode(c *chunk) error {
	for i := range c.entries {
		c.entries[i].Columns = digest.Encode(c.entries[i].Result)
	}
	return nil
}

func (p *pipeline) hash(c *chunk) error {
	for i := range c.entries {
		e := &c.entries[i]
		e.Chain = p.digest.Add(e.Result, e.Columns)
		if p.keeps(e.Result.Offset) {
			at := p.digest.Settle()
			e.At = &at
		}
	}
	c.pos, c.lanes = p.digest.Settle(), p.digest.Lanes()
	return nil
}

// finish commits what has gathered, as one batch, bounded by records and bytes.
func (p *pipeline) finish(c *chunk) error {
	for heavy := c.weight(); c.last == nil && len(c.entries) < p.size && heavy < commitBytes; {
		select {
		case next, ok := <-p.committing:
			if !ok {
				return p.commitLast(c)
			}
			heavy += next.weight()
			c.entries, c.pos, c.lanes, c.last = append(c.entries, next.entries...), next.pos, next.lanes, next.last
			continue
		default:
		}
		break
	}
	return p.commitLast(c)
}

// commitLast commits a chunk, and ends with it if it is the last one.
func (p *pipeline) commitLast(c *chunk) error {
	if len(c.entries) > 0 {
		if err := p.commit(c); err != nil {
			return err
		}
	}
	return c.last
}

// backOff waits longer each time: 20 ms up to 1 s.
type backOff struct{ next time.Duration }

func newBackOff() *backOff { return &backOff{20 * time.Millisecond} }

// wait returns early when ctx ends or `until` closes.
func (b *backOff) wait(ctx context.Context, until <-chan struct{}) {
	t := time.NewTimer(b.next)
	defer t.Stop()
	b.next = min(2*b.next, time.Second)
	select {
	case <-t.C:
	case <-until:
	case <-ctx.Done():
	}
}
