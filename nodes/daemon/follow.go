package daemon

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"time"

	"cairn/events"
	"cairn/events/feed"
)

// again calls f until ctx ends, with a growing pause after quick failures.
func (d *Daemon) again(ctx context.Context, what string, f func(context.Context) error) {
	for again := d.retry("follow "+what, 100*time.Millisecond, 5*time.Second); ctx.Err() == nil; d.pause(ctx, again.next()) {
		began := d.cfg.Clock.Now()
		err := f(ctx)
		if ctx.Err() != nil {
			return
		}
		d.cfg.Log.Warn(what+" lost: connecting again", "err", err)
		if d.cfg.Clock.Since(began) > 10*time.Second {
			again.reset()
		}
	}
}

func (d *Daemon) followAssignments(ctx context.Context) {
	last := map[string]held{}
	d.again(ctx, "assignments", func(ctx context.Context) error { return d.readAssignments(ctx, last) })
}

// held is the newest entry seen of a key, over all connections.
type held struct {
	offset events.Offset
	gone   bool
}

// readAssignments takes one connection's entries in. last holds the keys that
// are assigned, and those that ended since the last mark: an entry of another
// that is not newer than the mark is an old one.
func (d *Daemon) readAssignments(ctx context.Context, last map[string]held) error {
	seen := map[string]bool{}
	listed, swept := false, false
	reg, from := d.known()
	for e, err := range d.cfg.Server.Assignments(ctx, max(from, reg.Offset)) {
		switch {
		case err != nil:
			return err
		case e.Key == "":
			listed = true
			if d.mark(e.Offset) && !swept {
				swept = true
				d.sweep(seen, e.Offset)
				d.openGate()
			}
			maps.DeleteFunc(last, func(_ string, h held) bool { return h.gone && h.offset <= e.Offset })
		default:
			uid, err := uidOf(e.Key)
			if err != nil {
				d.cfg.Log.Error("assignment dropped", "err", err)
				continue
			}
			seen[uid] = seen[uid] || e.Pod != nil
			_, verified := d.known()
			if old, ok := last[e.Key]; ok && e.Offset < old.offset || !ok && listed && e.Offset <= verified {
				continue // an old record that a late emitter repeated
			}
			last[e.Key] = held{e.Offset, e.Pod == nil}
			d.assign(uid, e)
		}
	}
	return fmt.Errorf("the server closed the stream")
}

func uidOf(key string) (string, error) {
	parts := strings.Split(key, "/")
	if len(parts) != 3 || parts[2] == "" || strings.ContainsAny(parts[2], ". ") {
		return "", fmt.Errorf("key %q is not NAMESPACE/NAME/UID", key)
	}
	return parts[2], nil
}

// mark notes that the feed is verified through o, and reports whether that is
// past this daemon's registration.
func (d *Daemon) mark(o events.Offset) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.verified = max(d.verified, o)
	return o >= d.registration.Offset
}

func (d *Daemon) openGate() {
	select {
	case <-d.gate:
	default:
		close(d.gate)
	}
}

// assign gives an entry to the pod's worker, and a new pod a worker.
func (d *Daemon) assign(uid string, e feed.AssignmentEntry) {
	d.mu.Lock()
	w := d.workers[uid]
	if w == nil && e.Pod != nil && !e.Pod.Finished { // of one that is, nothing is here
		w = d.newWorker(*e.Pod, e.Offset)
		d.startWorker(w)
	}
	d.mu.Unlock()
	if w != nil {
		w.post(func() { w.assigned(e.Pod, e.Offset) })
	}
}

// sweep ends what is here and was not among the assignments.
func (d *Daemon) sweep(seen map[string]bool, o events.Offset) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for uid, w := range d.workers {
		if !seen[uid] {
			d.cfg.Log.Info("pod is not assigned to this node any more", "pod", w.name())
			w.post(func() { w.assigned(nil, o) })
		}
	}
}
