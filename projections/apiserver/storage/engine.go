package storage

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer/protobuf"
	"k8s.io/kubernetes/pkg/api/legacyscheme"

	"cairn/events"
	"cairn/projections/apiserver/calls"
	"cairn/projections/fold"
	"cairn/projections/follower"
	"cairn/projections/kinds"
	"cairn/projections/view"
)

// cacheBytes bounds the decoded objects kept, by their encoded size: about ten
// thousand pods. Each kind keeps half of that at most for its watchers.
const cacheBytes = 16 << 20

// Cipher encrypts the bodies of kinds that want it.
type Cipher interface {
	// Encrypt encrypts plain for the place named, and names the key.
	Encrypt(plain []byte, place string) (key string, data []byte, err error)
	// Decrypt decrypts what the key made for that place, and reports whether the
	// data is stale: what is written anew would be encrypted otherwise.
	Decrypt(key string, data []byte, place string) (plain []byte, stale bool, err error)
}

// Options are what an engine works with. Cell and Cipher must be set.
type Options struct {
	Cell       follower.Cell
	Cipher     Cipher
	Kinds      kinds.Registry  // nil: kinds.Builtin
	Scheme     *runtime.Scheme // converts between stored and registries' versions; nil: Kubernetes' own
	CacheBytes int             // bounds the decoded objects kept; zero: 16 MiB
	// Bookmarks is how often a watch that asked for them is told how far it is;
	// zero: half a minute.
	Bookmarks time.Duration
}

// Engine reads and writes objects of all kinds.
type Engine struct {
	cell      follower.Cell
	cipher    Cipher
	kinds     kinds.Registry
	scheme    *runtime.Scheme
	proto     *protobuf.Serializer
	bookmarks time.Duration
	cacheMost int // bytes
	cache     *cache

	remainders *remainders
	now        func() time.Time
	ctx        context.Context
	mu         sync.Mutex
	hubs       map[string]*hub
	synth      map[string]Synthetic
	latest     sync.Map // kind -> events.Revision of its last change seen
	budgets    *budgets // nil: nobody is limited
	tasks      sync.WaitGroup
	noticed    int64 // ledger time of the last record that notice saw, ns
}

// Synthetic answers for a kind that has no rows in the view.
type Synthetic interface {
	// List returns the objects as they are now, by namespace and name.
	List() []kinds.Object
}

// New starts an engine that ends with ctx.
func New(ctx context.Context, o Options) *Engine {
	e := &Engine{cell: o.Cell, cipher: o.Cipher, kinds: o.Kinds, scheme: o.Scheme, bookmarks: o.Bookmarks,
		cacheMost: o.CacheBytes, now: time.Now, ctx: ctx, hubs: map[string]*hub{}, synth: map[string]Synthetic{}}
	if e.kinds == nil {
		e.kinds = kinds.Builtin()
	}
	if e.scheme == nil {
		e.scheme = legacyscheme.Scheme
	}
	if e.cacheMost == 0 {
		e.cacheMost = cacheBytes
	}
	e.cache, e.remainders = newCache(e.cacheMost), newRemainders()
	if e.bookmarks == 0 {
		e.bookmarks = 30 * time.Second
	}
	e.proto = protobuf.NewSerializer(e.scheme, e.scheme)
	if err := e.Follow(e.overlook, e.notice); err != nil {
		slog.Error("the view's changes can't be followed; restart the server", "error", err)
	}
	return e
}

// Kinds are those the engine reads and writes.
func (e *Engine) Kinds() kinds.Registry { return e.kinds }

// Follow calls fn for every result from where start says it has listed, in
// order, on a goroutine that ends with the engine. Whoever falls behind what is
// kept in memory starts again.
func (e *Engine) Follow(start func(at view.Position) error, fn func(*fold.Result)) error {
	at := e.cell.Position()
	if err := start(at); err != nil {
		return err
	}
	e.begin(func() {
		for {
			err := e.cell.Subscribe(e.ctx, at.Offset, fn)
			if errors.Is(err, follower.ErrBehind) {
				if at = e.cell.Position(); start(at) == nil {
					continue
				}
			}
			if err != nil && e.ctx.Err() == nil {
				slog.Error("the view's changes can't be followed; restart the server", "error", err)
			}
			return
		}
	})
	return nil
}

// begin runs fn on a goroutine that Wait waits for, unless the engine has ended.
func (e *Engine) begin(fn func()) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.ctx.Err() != nil {
		return false
	}
	e.tasks.Go(fn)
	return true
}

// Wait returns once the engine's context and all its goroutines have ended:
// nothing reads the view any more on its own account, and it may be closed.
func (e *Engine) Wait() {
	<-e.ctx.Done()
	e.mu.Lock() // whoever begins has begun by now
	e.mu.Unlock()
	e.tasks.Wait()
}

// overlook takes it that anything may have changed up to a position.
func (e *Engine) overlook(p view.Position) error {
	e.noticed = p.Time
	e.mu.Lock()
	defer e.mu.Unlock()
	e.latest.Range(func(kind, _ any) bool {
		e.touched(kind.(string), p.Revision())
		return true
	})
	for _, h := range e.hubs {
		h.wake()
	}
	return nil
}

// notice wakes the watchers of the kinds that a record changed. It is called in
// order, from one goroutine.
func (e *Engine) notice(r *fold.Result) {
	if view.EventsChanged(e.noticed, r) {
		e.touched(events.Events, events.RevisionOf(e.cell.Position().R0, r.Offset, events.MaxOrdinal))
		if h := e.watched(events.Events); h != nil {
			h.wake()
		}
	}
	e.noticed = r.Time
	for i := range r.Changes {
		c := &r.Changes[i]
		e.touched(c.Ref.Kind, c.Revision)
		if h := e.watched(c.Ref.Kind); h != nil {
			h.wake()
		}
	}
}

// hub gives the kind's dispatcher; watched gives it where there is one.
func (e *Engine) hub(kind string) *hub {
	e.mu.Lock()
	defer e.mu.Unlock()
	h := e.hubs[kind]
	if h == nil {
		h = newHub(e, kind)
		e.hubs[kind] = h
	}
	return h
}

func (e *Engine) watched(kind string) *hub {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.hubs[kind]
}

func (e *Engine) touched(kind string, r events.Revision) {
	for {
		old, loaded := e.latest.LoadOrStore(kind, r)
		if !loaded || old.(events.Revision) >= r || e.latest.CompareAndSwap(kind, old, r) {
			return
		}
	}
}

// Latest is the revision of the last change of a kind that this engine has
// written or noticed: what is built from a list at or after it is current.
func (e *Engine) Latest(kind string) events.Revision {
	r, _ := e.latest.Load(kind)
	rev, _ := r.(events.Revision)
	return rev
}

// Synthesize has a kind answered by s. It is called before the engine is used.
func (e *Engine) Synthesize(kind string, s Synthetic) { e.synth[kind] = s }

// Cell is the follower below.
func (e *Engine) Cell() follower.Cell { return e.cell }

// moment is what a request reads: the past it asked for, or now (0).
func moment(ctx context.Context) events.Revision { return calls.From(ctx).At }

// settle takes a read point, unless the past is read.
func (e *Engine) settle(ctx context.Context) error {
	if moment(ctx) != 0 {
		return nil
	}
	if err := e.cell.ReadPoint(ctx); err != nil {
		return e.unavailable(err)
	}
	return nil
}

// Get returns an object of the stored version as it is in the view, or an error
// that wraps view.ErrNotFound. It takes no read point. The answer is shared.
func (e *Engine) Get(kind, namespace, name string, at events.Revision) (kinds.Object, error) {
	o, err := e.cell.Get(events.Ref{Kind: kind, Namespace: namespace, Name: name}, at)
	if err != nil {
		return nil, err
	}
	return e.Object(o)
}

// List returns the objects of a kind as they are in the view; namespace empty: all.
func (e *Engine) List(kind, namespace string, at events.Revision) ([]kinds.Object, error) {
	list, _, err := e.cell.List(kind, view.Page{Namespace: namespace, At: at})
	if err != nil {
		return nil, err
	}
	out := make([]kinds.Object, 0, len(list))
	for _, o := range list {
		obj, err := e.Object(o)
		if err != nil {
			return nil, err
		}
		out = append(out, obj)
	}
	return out, nil
}

// IsNotFound reports whether err says that there is no such object.
func IsNotFound(err error) bool { return errors.Is(err, view.ErrNotFound) }

// kind finds a kind by name.
func (e *Engine) kind(name string) (*kinds.Kind, error) {
	if k := e.kinds.Kind(name); k != nil {
		return k, nil
	}
	return nil, fmt.Errorf("kind %s is not served", name)
}
