package storage

import (
	"context"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/apiserver/pkg/storage"

	"cairn/events"
	"cairn/projections/view"
)

// bookmarkEvery is how often a watch that asked for bookmarks is told how far it is.
const bookmarkEvery = 30 * time.Second

// watcher is one watch. Its goroutine owns all but stop.
type watcher struct {
	kind      *Kind
	pred      storage.SelectionPredicate
	namespace string
	name      string // not empty: this object alone
	cursor    events.Revision
	until     events.Revision // not 0: the past ends here
	out       chan watch.Event
	ctx       context.Context
	stop      context.CancelFunc
}

func (w *watcher) Stop()                          { w.stop() }
func (w *watcher) ResultChan() <-chan watch.Event { return w.out }

// Watch follows a kind from any revision of this incarnation.
func (s *Kind) Watch(ctx context.Context, key string, opts storage.ListOptions) (watch.Interface, error) {
	ctx, cancel := context.WithCancel(ctx)
	w := &watcher{kind: s, pred: opts.Predicate, out: make(chan watch.Event, 64), ctx: ctx, stop: cancel, until: moment(ctx)}
	if opts.Recursive {
		w.namespace = s.scope(key)
	} else {
		ref, err := s.ref(key)
		if err != nil {
			cancel()
			return nil, err
		}
		w.namespace, w.name = ref.Namespace, ref.Name
	}
	initial, err := w.begin(opts)
	if err != nil {
		cancel()
		return nil, err
	}
	s.hub.start()
	go w.run(initial, opts)
	return w, nil
}

// begin decides where the watch starts, and whether with what is there already.
func (w *watcher) begin(opts storage.ListOptions) (initial bool, err error) {
	rv := opts.ResourceVersion
	initial = rv == "" || rv == "0"
	if opts.SendInitialEvents != nil {
		initial = *opts.SendInitialEvents
	}
	var want events.Revision
	if rv != "" && rv != "0" {
		n, err := versioner.ParseResourceVersion(rv)
		if err != nil {
			return false, apierrors.NewBadRequest("resourceVersion " + rv + " is not a number")
		}
		want = events.Revision(n)
		if err := w.kind.known(want); err != nil {
			return false, err
		}
	}
	switch {
	case want == 0 && rv != "0":
		err = w.kind.settle(w.ctx)
	case want != 0 && initial:
		err = w.kind.await(w.ctx, want)
	}
	w.cursor = want
	if initial || want == 0 {
		w.cursor = w.kind.listAt(w.ctx, 0)
	}
	return initial, err
}

func (w *watcher) run(initial bool, opts storage.ListOptions) {
	defer close(w.out)
	defer w.stop()
	if initial && !w.sendInitial(opts) {
		return
	}
	tick := time.NewTicker(bookmarkEvery)
	defer tick.Stop()
	for {
		list, upTo, moved, err := w.kind.hub.after(w.cursor)
		if err != nil {
			w.send(watch.Event{Type: watch.Error, Object: &apierrors.NewInternalError(err).ErrStatus})
			return
		}
		progress := upTo > w.cursor
		for i := range list {
			if w.until != 0 && list[i].Revision > w.until.Last() {
				break
			}
			if !w.deliver(&list[i]) {
				return
			}
		}
		w.cursor = max(w.cursor, upTo)
		if progress && len(list) > 0 {
			continue
		}
		select {
		case <-w.ctx.Done():
			return
		case <-moved:
		case <-tick.C:
			if w.pred.AllowWatchBookmarks && !w.bookmark(false) {
				return
			}
		}
	}
}

func (w *watcher) sendInitial(opts storage.ListOptions) bool {
	page := view.Page{Namespace: w.namespace, At: w.cursor}
	list, _, err := w.kind.cell.List(w.kind.kind.Name, page)
	if err != nil {
		return w.send(watch.Event{Type: watch.Error, Object: &apierrors.NewInternalError(err).ErrStatus})
	}
	for _, o := range list {
		if !w.mine(o.Ref) {
			continue
		}
		in, ok := w.object(o, o.Revision)
		if ok && !w.send(watch.Event{Type: watch.Added, Object: in}) {
			return false
		}
	}
	if opts.SendInitialEvents != nil && w.pred.AllowWatchBookmarks {
		return w.bookmark(true)
	}
	return true
}

func (w *watcher) mine(ref events.Ref) bool {
	return (w.namespace == "" || w.namespace == ref.Namespace) && (w.name == "" || w.name == ref.Name)
}

// deliver sends a change as its selector sees it: what enters is ADDED, what
// leaves is DELETED, as it was, at the revision of the change.
func (w *watcher) deliver(d *view.Delta) bool {
	if d.Revision <= w.cursor || !w.mine(d.Ref) {
		return true
	}
	var now, was runtime.Object
	var isIn, wasIn bool
	if !d.Deleted && d.Object != nil {
		now, isIn = w.object(d.Object, d.Revision)
	}
	switch {
	case d.Deleted && d.Object != nil:
		was, wasIn = w.object(d.Object, d.Revision)
	case d.Previous != nil && !w.everything():
		was, wasIn = w.object(d.Previous, d.Revision)
	case d.Previous != nil:
		wasIn = true
	}
	switch {
	case isIn && wasIn:
		return w.send(watch.Event{Type: watch.Modified, Object: now})
	case isIn:
		return w.send(watch.Event{Type: watch.Added, Object: now})
	case wasIn:
		return w.send(watch.Event{Type: watch.Deleted, Object: was})
	}
	return true
}

func (w *watcher) everything() bool { return w.pred.Label.Empty() && w.pred.Field.Empty() }

// object renders o and tells whether the selector takes it.
func (w *watcher) object(o *view.Object, at events.Revision) (runtime.Object, bool) {
	if o.Facts != nil && !w.pred.Label.Empty() && !w.pred.Label.Matches(labelsOf(o.Facts.Labels)) {
		return nil, false
	}
	sh, err := w.kind.share(o, at)
	if err != nil {
		return nil, false
	}
	ok, err := w.pred.Matches(sh.object)
	if err != nil || !ok {
		return nil, false
	}
	if w.kind.decorated {
		return sh.GetObject(), true
	}
	return sh, true
}

// bookmark tells how far the watch is; the first one ends the initial events.
func (w *watcher) bookmark(first bool) bool {
	in := w.kind.newFunc()
	if err := versioner.UpdateObject(in, uint64(w.cursor)); err != nil {
		return false
	}
	if first {
		m, err := meta.Accessor(in)
		if err != nil {
			return false
		}
		m.SetAnnotations(map[string]string{metav1.InitialEventsAnnotationKey: "true"})
	} else if p := w.kind.cell.Position().Revision(); w.until == 0 && p > w.cursor {
		w.kind.hub.wake()
	}
	return w.send(watch.Event{Type: watch.Bookmark, Object: in})
}

func (w *watcher) send(e watch.Event) bool {
	select {
	case w.out <- e:
		return true
	case <-w.ctx.Done():
		return false
	}
}
