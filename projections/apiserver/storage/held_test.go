package storage

import (
	"context"
	"io"
	"runtime"
	"sync"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	apiruntime "k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/apiserver/pkg/storage"
	"k8s.io/kubernetes/pkg/apis/core"
	_ "k8s.io/kubernetes/pkg/apis/core/install" // its kinds, in the scheme

	"cairn/events"
	"cairn/projections/fold"
	"cairn/projections/follower"
	"cairn/projections/view"
)

// busy is a view in which one large config map changes again and again. It
// makes each change when it is asked for, and holds none.
type busy struct {
	follower.Cell
	bytes  int
	notice func(*fold.Result)
	ready  chan struct{}

	mu sync.Mutex
	at events.Offset
}

func (b *busy) Position() view.Position {
	b.mu.Lock()
	defer b.mu.Unlock()
	return view.Position{Offset: b.at, Cell: &events.Cell{}}
}

func (b *busy) Subscribe(ctx context.Context, _ events.Offset, fn func(*fold.Result)) error {
	b.notice = fn
	close(b.ready)
	<-ctx.Done()
	return nil
}

func (b *busy) ReadPoint(context.Context) error { return nil }

func (b *busy) object(at events.Offset, e *Engine) *view.Object {
	m := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "large", UID: "u"}, BinaryData: map[string][]byte{"k": make([]byte, b.bytes)}}
	ref := events.Ref{Kind: events.ConfigMaps, Namespace: "default", Name: "large"}
	p, _, err := e.part(e.kinds.Kind(events.ConfigMaps), ref, events.Spec, m)
	if err != nil {
		panic(err)
	}
	return &view.Object{Ref: ref, UID: "u", Revision: events.RevisionOf(0, at, 0), Facts: &events.Facts{}, Spec: &p}
}

func (b *busy) changes(e *Engine, after events.Revision, limit int) ([]view.Delta, events.Revision, error) {
	p := b.Position()
	var list []view.Delta
	for at := after.Offset(0) + 1; at <= p.Offset; at++ {
		if len(list) == limit {
			return list, list[limit-1].Revision, nil
		}
		now := b.object(at, e)
		list = append(list, view.Delta{Ref: now.Ref, Revision: now.Revision, Object: now, Previous: b.object(at-1, e)})
	}
	return list, p.Revision(), nil
}

type busyView struct {
	*busy
	e *Engine
}

func (b *busyView) Changes(_ string, after events.Revision, limit int) ([]view.Delta, events.Revision, error) {
	return b.changes(b.e, after, limit)
}

func (b *busyView) change() {
	b.mu.Lock()
	b.at++
	r := &fold.Result{Changes: []fold.Change{{Ref: events.Ref{Kind: events.ConfigMaps, Namespace: "default", Name: "large"}, Revision: events.RevisionOf(0, b.at, 0)}}}
	b.mu.Unlock()
	b.notice(r)
}

func heap() int {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

// One watch that reads and one that never does, and 400 updates of a config map
// of 1 MB: what the server holds for them is bounded by bytes.
func TestWatchesOfLargeObjectsHoldLittle(t *testing.T) {
	b := &busyView{busy: &busy{bytes: 1 << 20, ready: make(chan struct{}), at: 1}}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	e := New(ctx, Options{Cell: b})
	b.e = e
	<-b.ready
	s, err := e.For(events.ConfigMaps, func() apiruntime.Object { return &core.ConfigMap{} })
	must(t, err)
	before := heap()
	opts := storage.ListOptions{ResourceVersion: b.Position().Revision().String(), Predicate: storage.Everything, Recursive: true}
	reads, err := s.Watch(ctx, Prefix(events.ConfigMaps), opts)
	must(t, err)
	stuck, err := s.Watch(ctx, Prefix(events.ConfigMaps), opts)
	must(t, err)
	defer stuck.Stop()
	for i := range 400 {
		b.change()
		got := <-reads.ResultChan()
		if got.Type != watch.Modified {
			t.Fatalf("update %d: %v", i, got)
		}
		for _, id := range []apiruntime.Identifier{"json", "protobuf"} { // two clients' encodings
			must(t, got.Object.(*shared).CacheEncode(id, func(o apiruntime.Object, w io.Writer) error {
				_, err := w.Write(o.(*core.ConfigMap).BinaryData["k"])
				return err
			}, io.Discard))
		}
	}
	after := heap()
	t.Logf("heap %d MB before, %d MB after 400 updates", before>>20, after>>20)
	// The ring, what is shared of it, the cache, and what waits for the stuck client.
	most := ringBytes + cacheBytes/2 + cacheBytes + (ahead+1)*2<<20 + chunkBytes
	if held := after - before; held > most {
		t.Errorf("%d MB are held, more than %d", held>>20, most>>20)
	}
	h := s.hub
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.held > ringBytes && len(h.ring) > 1 || h.shares.held > cacheBytes/2 || e.cache.held > cacheBytes {
		t.Errorf("ring %d, shared %d, cache %d bytes", h.held, h.shares.held, e.cache.held)
	}
}
