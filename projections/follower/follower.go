package follower

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"cairn/events"
	"cairn/events/ledger"
	"cairn/projections/fold"
	"cairn/projections/store"
	"cairn/projections/view"
)

// Options say what to follow and where to.
type Options struct {
	Ledger       ledger.Ledger
	Store        *store.Store  // opened and closed by the caller, after Stop
	Load         Load          // nil: the fold
	BatchRecords int           // at most, in a commit; 0: 1000
	KeepBytes    int           // of results in memory, for all subscribers; 0: 32 MiB
	Compare      int           // records compared with the ledger at start; 0: 1000
	Recheck      time.Duration // between comparisons of the end; 0: 30 s
	Log          *slog.Logger
}

// reads is what a follower passes on from its store.
type reads interface {
	view.Reads
	view.Causality
	view.Chains
}

// Follower implements Cell, view.Causality and view.Chains. Its goroutines end with Stop, or when it stops by
// itself; those of subscribers and read points end soon after.
type Follower struct {
	reads  // the store's
	store  *store.Store
	ledger ledger.Ledger
	log    *slog.Logger
	pipe   *pipeline

	ctx      context.Context // ends when the follower stops
	stop     context.CancelCauseFunc
	done     chan struct{}
	err      atomic.Pointer[error]
	cutOff   atomic.Pointer[error] // why the last fetch failed; nil: it did not
	end      atomic.Int64          // of the ledger, as last seen
	points   points
	pendings pendings
	subs     subscribers
}

var _ Cell = (*Follower)(nil)

// Start compares the store with the ledger, loads the fold and follows until
// Stop; ctx bounds the start alone. An error that wraps ErrRolledBack or
// ErrOtherLedger says that store and ledger do not belong together.
func Start(ctx context.Context, o Options) (*Follower, error) {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Load == nil {
		o.Load = loadFold
	}
	pos := o.Store.Position()
	if err := verify(ctx, o.Ledger, o.Store, standard(o.Compare, 1000)); err != nil {
		return nil, err
	}
	if pos.Gate > events.Newest {
		return nil, beyond(pos.Gate)
	}
	folder, d, err := resume(o.Store.Current(), o.Load)
	if err != nil {
		return nil, fmt.Errorf("loading the view: remove it and it is rebuilt from the ledger: %w", err)
	}
	f := &Follower{reads: o.Store, store: o.Store, ledger: o.Ledger, log: o.Log, done: make(chan struct{}), pipe: newPipeline()}
	f.ctx, f.stop = context.WithCancelCause(context.Background())
	f.pendings.byID, f.pendings.standing = map[events.ID][]*pending{}, map[events.Offset]*pending{}
	f.pendings.through.Store(int64(pos.Offset))
	f.subs.init(pos.Offset, standard(o.KeepBytes, 32<<20))
	f.end.Store(int64(pos.Offset) + 1)
	f.pipe.ledger, f.pipe.fold, f.pipe.digest, f.pipe.size = o.Ledger, folder, d, standard(o.BatchRecords, 1000)
	f.pipe.commit, f.pipe.pause, f.pipe.keeps = f.commit, f.fetched, o.Store.SnapshotAfter
	go f.follow(pos.Offset+1, standard(o.Recheck, 30*time.Second))
	return f, nil
}

// beyond is what stops a follower whose binary is too old for its ledger.
func beyond(g events.Gate) error {
	return fmt.Errorf("this ledger goes on by gate %d and this binary knows up to %d (%s): run a newer cairn", uint64(g), uint64(events.Newest), events.Newest)
}

func standard[T int | time.Duration](n, otherwise T) T {
	if n == 0 {
		return otherwise
	}
	return n
}

func (f *Follower) follow(from events.Offset, every time.Duration) {
	var wg sync.WaitGroup
	wg.Go(func() { f.recheck(every) })
	err := f.pipe.run(f.ctx, from)
	if !errors.Is(err, view.ErrStopped) {
		f.log.Error("stopped following the ledger", "folded", f.Position().Offset, "error", err)
		err = fmt.Errorf("%w: %w", view.ErrStopped, err)
	}
	f.err.Store(&err)
	f.stop(err)
	wg.Wait()
	close(f.done)
}

// commit makes a chunk readable, then tells of it.
func (f *Follower) commit(c *chunk) error {
	b := store.Batch{Entries: c.entries, Position: c.pos, Lanes: c.lanes}
	if err := f.store.Commit(&b); err != nil {
		return err
	}
	f.sawEnd(c.pos.Offset + 1)
	results := make([]*fold.Result, len(c.entries))
	for i := range c.entries {
		results[i] = c.entries[i].Result
	}
	f.pendings.settle(results)
	f.subs.publish(c.entries)
	return nil
}

// fetched notes whether the ledger can be reached.
func (f *Follower) fetched(err error) {
	if err == nil {
		f.cutOff.Store(nil)
	} else if f.cutOff.Swap(&err) == nil {
		f.log.Warn("the ledger can't be read, trying again", "error", err)
	}
}

func (f *Follower) sawEnd(end events.Offset) {
	for old := f.end.Load(); int64(end) > old && !f.end.CompareAndSwap(old, int64(end)); old = f.end.Load() {
	}
}

// Stop ends the following and waits for its goroutines; the store stays open.
func (f *Follower) Stop() {
	f.stop(view.ErrStopped)
	<-f.done
}

// Done is closed when the follower has stopped.
func (f *Follower) Done() <-chan struct{} { return f.done }

// Err says why it stopped; it wraps view.ErrStopped. Nil while it follows.
func (f *Follower) Err() error {
	if err := f.err.Load(); err != nil {
		return *err
	}
	return nil
}

// Wait returns once the record at o is readable, with ctx's error, or with one
// that wraps view.ErrStopped.
func (f *Follower) Wait(ctx context.Context, o events.Offset) error {
	if f.Position().Offset >= o {
		return nil
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(f.ctx, cancel)()
	err := f.store.Wait(ctx, o)
	if err != nil && f.ctx.Err() != nil {
		<-f.done
		return f.Err()
	}
	return err
}

// Stats is where a follower stands, for status pages and metrics.
type Stats struct {
	Folded  events.Offset // last record folded and readable
	End     events.Offset // one past the ledger's last record, as last seen
	Lag     int64         // records still to fold, as last seen
	Decode  int           // chunks waiting for each stage
	Fold    int
	Hash    int
	Commit  int
	Unknown int    // writes that wait for their outcome
	Behind  []int  // results that each subscriber has not taken yet
	CutOff  string // why the ledger can't be read; empty: it can
}

// Stats may be called at any time.
func (f *Follower) Stats() Stats {
	s := Stats{Folded: f.Position().Offset, End: events.Offset(f.end.Load()), Unknown: f.pendings.count(), Behind: f.subs.behind(),
		Decode: len(f.pipe.decoding), Fold: len(f.pipe.folding), Hash: len(f.pipe.encoding) + len(f.pipe.hashing), Commit: len(f.pipe.committing)}
	s.Lag = max(0, int64(s.End-s.Folded-1))
	if err := f.cutOff.Load(); err != nil {
		s.CutOff = (*err).Error()
	}
	return s
}
