package daemon

import (
	"context"
	"fmt"
	"maps"
	"slices"
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
	last := map[string]events.Offset{}
	d.again(ctx, "assignments", func(ctx context.Context) error { return d.readAssignments(ctx, last) })
}

// readAssignments takes one connection's entries in. last holds the newest
// offset seen of each key, over all connections.
func (d *Daemon) readAssignments(ctx context.Context, last map[string]events.Offset) error {
	seen := map[string]bool{}
	swept := false
	for e, err := range d.cfg.Server.Assignments(ctx, events.NoOffset) {
		switch {
		case err != nil:
			return err
		case e.Key == "":
			if d.mark(e.Offset) && !swept {
				swept = true
				d.sweep(seen, e.Offset)
				d.openGate()
			}
		default:
			uid, err := uidOf(e.Key)
			if err != nil {
				d.cfg.Log.Error("assignment dropped", "err", err)
				continue
			}
			seen[uid] = seen[uid] || e.Pod != nil
			if old, ok := last[e.Key]; ok && e.Offset < old {
				continue // an old record that a late emitter repeated
			}
			last[e.Key] = e.Offset
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
	if w == nil && e.Pod != nil {
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

// followVIPs keeps the data plane's services equal to the feed. Entries that
// come together are handed over together.
func (d *Daemon) followVIPs(ctx context.Context) {
	all, last := map[string]feed.VIP{}, map[string]events.Offset{}
	d.again(ctx, "services", func(ctx context.Context) error { return d.readVIPs(ctx, all, last) })
}

func (d *Daemon) readVIPs(ctx context.Context, all map[string]feed.VIP, last map[string]events.Offset) error {
	seen := map[string]bool{}
	complete := false
	dirty := make(chan []feed.VIP, 1)
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	defer func() { cancel(); <-done }()
	go func() {
		defer close(done)
		d.setServices(ctx, dirty)
	}()
	for e, err := range d.cfg.Server.VIPs(ctx, events.NoOffset) {
		if err != nil {
			return err
		}
		switch old, ok := last[e.Key]; {
		case e.Key == "":
			if complete {
				continue
			}
			complete = true
			maps.DeleteFunc(all, func(k string, _ feed.VIP) bool { return !seen[k] })
		case ok && e.Offset < old:
			seen[e.Key] = true
			continue
		case e.VIP == nil:
			last[e.Key] = e.Offset
			delete(all, e.Key)
		default:
			last[e.Key], seen[e.Key] = e.Offset, true
			all[e.Key] = *e.VIP
		}
		if complete {
			replaceLatest(dirty, sorted(all))
		}
	}
	return fmt.Errorf("the server closed the stream")
}

func sorted(all map[string]feed.VIP) []feed.VIP {
	out := make([]feed.VIP, 0, len(all))
	for _, k := range slices.Sorted(maps.Keys(all)) {
		out = append(out, all[k])
	}
	return out
}

// replaceLatest puts v into a channel of one place, in place of what waits.
func replaceLatest(c chan []feed.VIP, v []feed.VIP) {
	select {
	case <-c:
	default:
	}
	c <- v
}

func (d *Daemon) setServices(ctx context.Context, dirty chan []feed.VIP) {
	again := d.retry("services", 50*time.Millisecond, 5*time.Second)
	for {
		select {
		case <-ctx.Done():
			return
		case all := <-dirty:
			for again.reset(); ; d.pause(ctx, again.next()) {
				err := d.cfg.Network.SetServices(ctx, all)
				if err == nil || ctx.Err() != nil {
					break
				}
				d.cfg.Log.Error("set services: trying again", "err", err)
				select {
				case all = <-dirty:
				default:
				}
			}
		}
	}
}
