package daemon

import (
	"context"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"cairn/events"
	"cairn/events/feed"
	"cairn/nodes/lifecycle"
)

// learn fetches the pod, once at a time, and makes its machine.
func (w *worker) learn(ctx context.Context) {
	if w.fetching {
		return
	}
	w.fetching = true
	a := w.a
	w.beside(func() {
		for again := w.d.retry("fetch "+a.UID, 200*time.Millisecond, 10*time.Second); ctx.Err() == nil; w.d.pause(ctx, again.next()) {
			o, err := w.d.fetch(ctx, a, a.Revision)
			if err == nil {
				w.post(func() { w.learned(o, a) })
				return
			}
			w.log.Warn("cannot fetch the pod yet", "err", err)
		}
	})
}

// fetchDue is when the pod and what it names are to be fetched anew, and as of
// which revision (0: now): when the feed has a newer spec; when a fifth of
// the token's life is left, or at once where this daemon does not know it; and
// every now and then where config maps and the like are mounted. Zero time:
// never, or it is under way.
func (w *worker) fetchDue() (time.Time, events.Revision) {
	if w.fetching || w.machine == nil || w.machine.State.Deleting || w.machine.State.Ending || w.machine.Ended() {
		return time.Time{}, 0
	}
	if version(w.a) != w.fetched {
		return w.notBefore, w.a.Revision
	}
	if w.machine.State.Sandbox != lifecycle.SandboxReady {
		return time.Time{}, 0
	}
	if w.objects == nil {
		return w.notBefore, w.a.Revision
	}
	due := w.refreshAt
	if o := w.objects; !o.expires.IsZero() {
		if t := o.fetched.Add(o.expires.Sub(o.fetched) * 4 / 5); due.IsZero() || t.Before(due) {
			due = t
		}
	}
	if !due.IsZero() && due.Before(w.notBefore) {
		due = w.notBefore
	}
	return due, 0
}

// version distinguishes specs of a pod, and the addresses they are settled with.
func version(a feed.Assignment) string { return a.Digest + " " + a.Address }

// refetchAgain is how long a fetch that failed, or brought no newer token, is
// not tried again.
const refetchAgain = 30 * time.Second

// refetch brings the objects, and volumes made of them, up to date.
func (w *worker) refetch(ctx context.Context, rev events.Revision) {
	w.fetching, w.notBefore = true, w.now().Add(min(refetchAgain, w.d.cfg.Refresh/2))
	a := w.a
	w.beside(func() {
		o, err := w.d.fetch(ctx, a, rev)
		if err == nil {
			if err := w.pod.Update(&o.Objects); err != nil {
				w.log.Warn("volumes are not up to date", "err", err)
			}
		}
		w.post(func() {
			if w.fetching = false; err != nil {
				w.log.Warn("cannot fetch what changed of the pod", "err", err)
				return
			}
			w.learned(o, a)
		})
	})
}

func (w *worker) learned(o *objects, a feed.Assignment) {
	w.fetching = false
	if w.unknown {
		return // it went before it was known
	}
	was := w.spec
	w.asOf = o.asOf
	w.objects, w.spec, w.fetched, w.refreshAt = o, o.Pod, version(a), time.Time{}
	if changes(o.Pod) {
		w.refreshAt = o.fetched.Add(jitter(w.d.cfg.Refresh, w.random))
	}
	if w.machine == nil {
		w.begin()
		return
	}
	for _, name := range otherImages(was, o.Pod) {
		w.handle(lifecycle.Event{What: lifecycle.Changed, Container: name})
	}
}

// begin makes the machine of a pod that this daemon has just come to know.
func (w *worker) begin() {
	w.machine = lifecycle.New(lifecycle.Of(w.spec))
	if w.checkOver(); !w.machine.Ended() {
		w.refuse()
	}
	w.applyDeletion()
}

// otherImages names the containers whose images differ.
func otherImages(was, now *corev1.Pod) []string {
	var out []string
	old := map[string]string{}
	for _, c := range slices.Concat(was.Spec.InitContainers, was.Spec.Containers) {
		old[c.Name] = c.Image
	}
	for _, c := range slices.Concat(now.Spec.InitContainers, now.Spec.Containers) {
		if img, ok := old[c.Name]; ok && img != c.Image {
			out = append(out, c.Name)
		}
	}
	return out
}

// changes reports whether a pod mounts what may change while it runs. The volume
// that every pod gets with its token is none: the token's renewal refreshes it.
func changes(pod *corev1.Pod) bool {
	return slices.ContainsFunc(pod.Spec.Volumes, func(v corev1.Volume) bool {
		return v.ConfigMap != nil || v.Secret != nil || v.DownwardAPI != nil ||
			v.Projected != nil && !strings.HasPrefix(v.Name, "kube-api-access-")
	})
}
