package storage

import (
	"context"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/apiserver/pkg/storage"
	"k8s.io/apiserver/pkg/util/flowcontrol"

	"cairn/events"
	"cairn/projections/view"
)

const (
	// ahead is how many events wait for a client at most. They are shared with
	// other watchers of the kind.
	ahead = 16
	// patience is how long a client may take none of them: then its watch ends,
	// and it may begin again from where it was.
	patience = time.Minute
	// farewell is how long before its deadline a watch is told how far it is, so
	// that the next one begins there.
	farewell = 2 * time.Second
	// pageMost and pageBytes bound the objects that a list, or a watch's initial
	// events, read at once.
	pageMost  = 500
	pageBytes = 1 << 20
)

// watcher is one watch. Its goroutine owns all but stop.
type watcher struct {
	kind      *Kind
	pred      storage.SelectionPredicate
	scope     scope
	bookmarks bool
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
	covers, err := s.scope(key, opts.Recursive)
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(ctx)
	ended := context.AfterFunc(s.ctx, stop)
	cancel := func() { ended(); stop() }
	w := &watcher{kind: s, pred: opts.Predicate, scope: covers, bookmarks: opts.Predicate.AllowWatchBookmarks || opts.ProgressNotify,
		out: make(chan watch.Event, ahead), ctx: ctx, stop: cancel, until: moment(ctx)}
	initial, err := w.begin(opts)
	if err != nil {
		cancel()
		return nil, err
	}
	s.hub.start()
	flowcontrol.WatchInitialized(ctx)
	if !s.begin(func() { w.run(initial, opts) }) {
		close(w.out)
	}
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
	tick := time.NewTicker(w.kind.bookmarks)
	defer tick.Stop()
	var last <-chan time.Time
	if end, ok := w.ctx.Deadline(); ok {
		t := time.NewTimer(time.Until(end) - farewell)
		defer t.Stop()
		last = t.C
	}
	for {
		moved, ok := w.advance()
		if !ok {
			return
		}
		select {
		case <-w.ctx.Done():
			return
		case <-moved:
			continue
		case <-tick.C:
		case <-last:
		}
		if w.bookmarks && !w.bookmark(false) {
			return
		}
	}
}

// advance sends what there is, and returns a channel that is closed when there
// may be more; false ends the watch.
func (w *watcher) advance() (<-chan struct{}, bool) {
	for {
		list, upTo, moved, err := w.kind.hub.after(w.cursor)
		if err != nil {
			return nil, w.fail(err)
		}
		for i := range list {
			if w.until != 0 && list[i].Revision > w.until.Last() {
				break
			}
			if !w.deliver(&list[i].Delta) {
				return nil, false
			}
		}
		w.cursor = max(w.cursor, upTo)
		if len(list) == 0 {
			return moved, true
		}
	}
}

func (w *watcher) sendInitial(opts storage.ListOptions) bool {
	page := view.Page{Namespace: w.scope.namespace, At: w.cursor, Limit: pageMost}
	for more := !w.scope.nothing; more; {
		var list []*view.Object
		var err error
		if list, more, err = w.kind.cell.List(w.kind.kind.Name, page); err != nil {
			return w.fail(err)
		}
		if len(list) > 0 {
			page.Limit = pageOf(list)
		}
		for _, o := range list {
			page.After = o.Ref
			if !w.scope.covers(o.Ref) {
				continue
			}
			in, ok, err := w.object(o, o.Revision)
			if err != nil {
				return w.fail(err)
			}
			if ok && !w.send(watch.Event{Type: watch.Added, Object: in}) {
				return false
			}
		}
	}
	if opts.SendInitialEvents != nil && w.pred.AllowWatchBookmarks {
		return w.bookmark(true)
	}
	return true
}

// deliver sends a change as its selector sees it: what enters is ADDED, what
// leaves is DELETED, as it was, at the revision of the change.
func (w *watcher) deliver(d *view.Delta) bool {
	if d.Revision <= w.cursor || !w.scope.covers(d.Ref) {
		return true
	}
	e, err := w.event(d)
	if err != nil && d.Deleted {
		return w.fail(fmt.Errorf("saw a DELETED event, but object data is corrupt: %w", err))
	}
	if err != nil {
		return w.fail(err)
	}
	return e.Type == "" || w.send(e)
}

// event is what a change is to this watch; one without a type: nothing.
func (w *watcher) event(d *view.Delta) (e watch.Event, err error) {
	var now, was runtime.Object
	var isIn, wasIn bool
	if !d.Deleted && d.Object != nil {
		if now, isIn, err = w.object(d.Object, d.Revision); err != nil {
			return e, err
		}
	}
	switch {
	case d.Deleted && d.Object != nil:
		was, wasIn, err = w.object(d.Object, d.Revision)
	case d.Previous != nil && !w.everything():
		was, wasIn, err = w.object(d.Previous, d.Revision)
	case d.Previous != nil:
		wasIn = true
	}
	switch {
	case err != nil:
	case isIn && wasIn:
		e = watch.Event{Type: watch.Modified, Object: now}
	case isIn:
		e = watch.Event{Type: watch.Added, Object: now}
	case wasIn:
		e = watch.Event{Type: watch.Deleted, Object: was}
	}
	return e, err
}

func (w *watcher) everything() bool { return w.pred.Label.Empty() && w.pred.Field.Empty() }

// object renders o and reports whether the selector takes it.
func (w *watcher) object(o *view.Object, at events.Revision) (runtime.Object, bool, error) {
	if o.Facts != nil && !w.pred.Label.Empty() && !w.pred.Label.Matches(labelsOf(o.Facts.Labels)) {
		return nil, false, nil
	}
	sh, err := w.kind.share(o, at)
	if err != nil {
		return nil, false, err
	}
	if !w.told(o) {
		obj, err := sh.whole()
		if err != nil {
			return nil, false, err
		}
		if ok, err := w.pred.Matches(obj); err != nil || !ok {
			return nil, false, err
		}
	}
	if w.kind.decorated {
		return sh.GetObject(), true, nil
	}
	return sh, true, nil
}

// told reports whether o's row alone says that the selector takes it, once its
// labels match.
func (w *watcher) told(o *view.Object) bool {
	return w.pred.Field.Empty() && w.pred.ShardSelector == nil && (w.pred.Label.Empty() || o.Facts != nil)
}

// bookmark says how far the watch is; the first one ends the initial events.
func (w *watcher) bookmark(first bool) bool {
	in := w.kind.newFunc()
	if err := versioner.UpdateObject(in, uint64(w.cursor)); err != nil {
		return w.fail(err)
	}
	if first {
		m, err := meta.Accessor(in)
		if err != nil {
			return w.fail(err)
		}
		m.SetAnnotations(map[string]string{metav1.InitialEventsAnnotationKey: "true"})
	} else if p := w.kind.cell.Position().Revision(); w.until == 0 && p > w.cursor {
		w.kind.hub.wake()
	}
	return w.send(watch.Event{Type: watch.Bookmark, Object: in})
}

// fail sends an error, and says that the watch is over: what can't be shown is
// never passed over.
func (w *watcher) fail(err error) bool {
	st := apierrors.NewInternalError(err).ErrStatus
	st.Reason = metav1.StatusReasonStoreReadError
	w.send(watch.Event{Type: watch.Error, Object: &st})
	return false
}

func (w *watcher) send(e watch.Event) bool {
	if w.ctx.Err() != nil {
		return false
	}
	select {
	case w.out <- e:
		return true
	default:
	}
	slow := time.NewTimer(patience)
	defer slow.Stop()
	select {
	case w.out <- e:
		return true
	case <-w.ctx.Done():
	case <-slow.C:
	}
	return false
}
