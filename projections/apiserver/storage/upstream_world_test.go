package storage

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/apiserver/pkg/apis/example"
	examplev1 "k8s.io/apiserver/pkg/apis/example/v1"
	"k8s.io/apiserver/pkg/storage"
	storagetesting "k8s.io/apiserver/pkg/storage/testing"
	"k8s.io/apiserver/pkg/storage/value"

	"cairn/events"
	"cairn/events/ledger/memory"
	"cairn/projections/follower"
	"cairn/projections/kinds"
	"cairn/projections/store"
)

// examplePods is upstream's example kind, which its storage suite works on.
const examplePods = "pods.example.apiserver.k8s.io"

var exampleScheme = func() *runtime.Scheme {
	s := runtime.NewScheme()
	metav1.AddToGroupVersion(s, metav1.SchemeGroupVersion)
	utilruntime.Must(example.AddToScheme(s))
	utilruntime.Must(examplev1.AddToScheme(s))
	return s
}()

// world is our storage over a memory ledger, the real follower, fold and store,
// as upstream's suite expects one. The suite was written against etcd, and three
// things are translated, each way:
//
//   - revisions: etcd counts writes, Cairn leaves 2^20 per record for what the
//     record changes; here each record changes one object;
//   - keys: the suite's begin with /pods, ours with the kind's full name;
//   - namespaces: the fold wants them to be there; they are made on the way.
type world struct {
	*Kind
	t    *testing.T
	cell *follower.Follower

	mu          sync.Mutex
	spaces      map[string]bool
	transformer value.Transformer
	dropTTL     bool // the suite's Get gives its object a second to live, and looks at it later
	// once: an object decoded while another is (the answer to a write is read from
	// the view) passes no transformer that writes: it would never end.
	once  bool
	depth atomic.Int32
}

func newWorld(t *testing.T) *world {
	t.Helper()
	log := memory.New(func() int64 { return time.Now().UnixNano() })
	t.Cleanup(func() { log.Close() })
	first := &events.Event{ID: events.ID(uuid.Must(uuid.NewV7())), Type: events.CellCreated, Subject: events.Ref{Kind: events.Cells, Name: "test"},
		Base: events.NoOffset, Facts: events.Facts{Cell: &events.Cell{Name: "test", Incarnation: "0b1c", Gate: events.GateFirst, Window: 1 << 17,
			PodRange: "10.66.0.0/16", ServiceRange: "10.67.0.0/16", NodeMask: 24, NodePortLow: 30000, NodePortHigh: 30100, DNSAddress: "10.67.0.10"}}}
	_, err := log.Append(t.Context(), [][]byte{events.AppendFrame(nil, first)})
	must(t, err)
	rows, err := store.Open(filepath.Join(t.TempDir(), "view"), store.Options{Disk: store.MemoryDisk()})
	must(t, err)
	t.Cleanup(func() { rows.Close() })
	cell, err := follower.Start(context.Background(), follower.Options{Ledger: log, Store: rows})
	must(t, err)
	t.Cleanup(func() { cell.Stop() })
	must(t, cell.Wait(t.Context(), 0))
	w := &world{t: t, cell: cell, spaces: map[string]bool{"": true}, transformer: prefixed()}
	kind := &kinds.Kind{Name: examplePods, Version: examplev1.SchemeGroupVersion.WithKind("Pod"), Namespaced: true, Encrypted: true,
		New: func() kinds.Object { return &examplev1.Pod{} }}
	ctx, cancel := context.WithCancel(context.Background())
	e := New(ctx, Options{Cell: cell, Cipher: w, Kinds: kinds.NewTable(kind), Scheme: exampleScheme, Bookmarks: time.Second, CacheBytes: 1})
	t.Cleanup(func() { cancel(); e.Wait() })
	w.Kind, err = e.For(examplePods, func() runtime.Object { return &example.Pod{} })
	must(t, err)
	return w
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Encrypt and Decrypt have the suite's transformer stand where a key ring does.
func (w *world) Encrypt(plain []byte, place string) (string, []byte, error) {
	b, err := w.current().TransformToStorage(context.Background(), plain, where(place))
	return "test", b, err
}

func (w *world) Decrypt(_ string, data []byte, place string) ([]byte, bool, error) {
	t := w.current()
	if w.once && w.depth.Add(1) > 1 {
		t = prefixed()
	}
	defer w.depth.Add(-1)
	return t.TransformFromStorage(context.Background(), data, where(place))
}

func prefixed() value.Transformer { return storagetesting.NewPrefixTransformer([]byte("test!"), false) }

func (w *world) current() value.Transformer {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.transformer
}

func where(place string) value.Context {
	key, _, _ := strings.Cut(place, " ")
	return value.DefaultContext(strings.Replace("/"+key, "/"+examplePods, "/pods", 1))
}

// UpdateTransformer replaces the transformer until the answer is called.
func (w *world) UpdateTransformer(change storagetesting.TransformerModifier) func() {
	w.mu.Lock()
	defer w.mu.Unlock()
	was := w.transformer
	w.transformer = change(was)
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.transformer = was
	}
}

func (w *world) UpdatePrefixTransformer(change storagetesting.PrefixTransformerModifier) func() {
	return w.UpdateTransformer(func(t value.Transformer) value.Transformer {
		copied := *t.(*storagetesting.PrefixTransformer)
		return change(&copied)
	})
}

// IncreaseRV appends a record that changes no object.
func (w *world) increaseRV(ctx context.Context, t *testing.T) int64 {
	wrote, err := w.cell.Write(ctx, &events.Event{ID: events.ID(uuid.Must(uuid.NewV7())), Type: events.RequestRefused, Facts: events.Facts{Denial: &events.Denial{Count: 1}}})
	must(t, err)
	return int64(wrote.Revision >> 20)
}

// compact moves the revision on, as etcd's compaction does, and forgets nothing.
func (w *world) compact(ctx context.Context, t *testing.T, _ string) { w.increaseRV(ctx, t) }

func (w *world) inside(key string) string {
	if key == "/pods" || strings.HasPrefix(key, "/pods/") {
		return strings.Replace(key, "/pods", "/"+examplePods, 1)
	}
	return key
}

func (w *world) outside(err error) error {
	if storage.IsInternalError(err) {
		return storage.NewInternalError(errors.New(strings.ReplaceAll(err.Error(), examplePods, "pods")))
	}
	return err
}

// space makes the namespace of a key.
func (w *world) space(key string) {
	ns := w.refOf(strings.TrimPrefix(w.inside(key), "/"+examplePods+"/")).Namespace
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.spaces[ns] {
		return
	}
	w.spaces[ns] = true
	_, err := w.cell.Write(context.Background(), &events.Event{ID: events.ID(uuid.Must(uuid.NewV7())), Type: events.ObjectCreated,
		Subject: events.Ref{Kind: events.Namespaces, Name: ns}, UID: uuid.NewString(), Parts: []events.Part{{Column: events.Spec, Encoding: "none", APIVersion: "v1", Data: []byte("x")}}})
	must(w.t, err)
}

// in turns a count of writes into a revision, out a revision into the count.
func in(rv string) string {
	n, err := strconv.ParseUint(rv, 10, 64)
	if err != nil || n == 0 || n>>43 != 0 {
		return rv
	}
	return strconv.FormatUint(n<<20, 10)
}

func out(rv string) string {
	n, err := strconv.ParseUint(rv, 10, 64)
	if err != nil {
		return rv
	}
	return strconv.FormatUint(n>>20, 10)
}

// token translates the revision in a continue token.
func token(text string, rv func(string) string) string {
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return text
	}
	var t map[string]json.RawMessage
	if json.Unmarshal(b, &t) != nil {
		return text
	}
	var c struct {
		V  string `json:"v"`
		RV int64  `json:"rv"`
		At string `json:"start"`
	}
	if json.Unmarshal(b, &c) != nil {
		return text
	}
	if c.RV > 0 {
		c.RV, _ = strconv.ParseInt(rv(strconv.FormatInt(c.RV, 10)), 10, 64)
	}
	b, _ = json.Marshal(c)
	return base64.RawURLEncoding.EncodeToString(b)
}

func shown(o runtime.Object) {
	if o == nil {
		return
	}
	if list, err := meta.ListAccessor(o); err == nil {
		list.SetResourceVersion(out(list.GetResourceVersion()))
		list.SetContinue(token(list.GetContinue(), out))
		items, _ := meta.ExtractList(o)
		for _, i := range items {
			shown(i)
		}
		return
	}
	if m, err := meta.Accessor(o); err == nil && m.GetResourceVersion() != "" {
		m.SetResourceVersion(out(m.GetResourceVersion()))
	}
}

func (w *world) asked(opts storage.ListOptions) storage.ListOptions {
	opts.ResourceVersion = in(opts.ResourceVersion)
	opts.Predicate.Continue = token(opts.Predicate.Continue, in)
	return opts
}

func (w *world) Create(ctx context.Context, key string, obj, into runtime.Object, ttl uint64) error {
	w.space(key)
	err := w.Kind.Create(ctx, w.inside(key), obj, into, ttl)
	if err == nil {
		shown(into)
	}
	return w.outside(err)
}

func (w *world) Get(ctx context.Context, key string, opts storage.GetOptions, into runtime.Object) error {
	opts.ResourceVersion = in(opts.ResourceVersion)
	err := w.Kind.Get(ctx, w.inside(key), opts, into)
	shown(into)
	return w.outside(err)
}

func (w *world) GetList(ctx context.Context, key string, opts storage.ListOptions, into runtime.Object) error {
	err := w.Kind.GetList(ctx, w.inside(key), w.asked(opts), into)
	shown(into)
	return w.outside(err)
}

func (w *world) GuaranteedUpdate(ctx context.Context, key string, into runtime.Object, ignoreNotFound bool,
	pre *storage.Preconditions, try storage.UpdateFunc, cached runtime.Object) error {
	if ignoreNotFound {
		w.space(key)
	}
	err := w.Kind.GuaranteedUpdate(ctx, w.inside(key), into, ignoreNotFound, pre, func(o runtime.Object, res storage.ResponseMeta) (runtime.Object, *uint64, error) {
		shown(o)
		res.ResourceVersion >>= 20
		o, ttl, err := try(o, res)
		if w.dropTTL {
			ttl = nil
		}
		return o, ttl, err
	}, cached)
	if err == nil {
		shown(into)
	}
	return w.outside(err)
}

func (w *world) Delete(ctx context.Context, key string, into runtime.Object, pre *storage.Preconditions,
	validate storage.ValidateObjectFunc, cached runtime.Object, opts storage.DeleteOptions) error {
	err := w.Kind.Delete(ctx, w.inside(key), into, pre, validate, cached, opts)
	if err == nil {
		shown(into)
	}
	return w.outside(err)
}

func (w *world) GetCurrentResourceVersion(ctx context.Context) (uint64, error) {
	rv, err := w.Kind.GetCurrentResourceVersion(ctx)
	return rv >> 20, err
}

func (w *world) Watch(ctx context.Context, key string, opts storage.ListOptions) (watch.Interface, error) {
	inner, err := w.Kind.Watch(ctx, w.inside(key), w.asked(opts))
	if err != nil {
		return nil, w.outside(err)
	}
	o := &watching{Interface: inner, out: make(chan watch.Event)}
	go o.run(w.t.Context())
	return o, nil
}

// watching translates a watch's events.
type watching struct {
	watch.Interface
	out chan watch.Event
}

func (w *watching) ResultChan() <-chan watch.Event { return w.out }

func (w *watching) run(ctx context.Context) {
	defer close(w.out)
	for e := range w.Interface.ResultChan() {
		if c, ok := e.Object.(runtime.CacheableObject); ok {
			e.Object = c.GetObject()
		}
		if e.Type != watch.Error {
			shown(e.Object)
		}
		select {
		case w.out <- e:
		case <-ctx.Done():
			return
		}
	}
}
