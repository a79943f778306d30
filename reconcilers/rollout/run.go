package rollout

import (
	"cmp"
	"slices"
	"strconv"
	"time"

	appsv1 "k8s.io/api/apps/v1"

	"cairn/events"
	"cairn/reconcilers/reconcile"
)

// set is one ReplicaSet of the Deployment, with what is planned for it.
type set struct {
	object    *reconcile.Object
	body      *appsv1.ReplicaSet
	want      int               // spec.replicas, as planned
	available int               // of its pods, now
	running   int               // pods that have not ended, those being deleted among them
	notes     map[string]string // annotations to be set
	reason    string            // why want changes; empty: it doesn't
	because   string            // why annotations change, if there is more to say than that they follow
}

func (s *set) changed() bool { return len(s.notes) > 0 || s.reason != "" }

// annotation is a set's annotation, as planned.
func (s *set) annotation(key string) string {
	if v, ok := s.notes[key]; ok {
		return v
	}
	return s.body.Annotations[key]
}

func (s *set) annotate(key, value string) {
	if s.annotation(key) == value {
		return
	}
	if s.notes == nil {
		s.notes = map[string]string{}
	}
	s.notes[key] = value
}

func (s *set) revision() int64 {
	n, err := strconv.ParseInt(s.annotation(revisionNote), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// run is one look at one Deployment.
type run struct {
	in    reconcile.Input
	d     *reconcile.Object
	body  *appsv1.Deployment
	sets  []*set // all, oldest first
	old   []*set // all but fresh
	fresh *set   // of the Deployment's template; nil: none yet

	replicas, surge, unavailable int

	revision   string // the Deployment's annotation, as planned
	made       string // name of the ReplicaSet that is created now
	collisions int32
	cause      []events.Offset
	plan       reconcile.Plan
}

func newRun(in reconcile.Input, d *reconcile.Object, body *appsv1.Deployment) *run {
	r := &run{in: in, d: d, body: body, replicas: int(d.Facts.Workload.Replicas), revision: body.Annotations[revisionNote]}
	r.surge, r.unavailable = bounds(d.Facts.Deployment, r.replicas)
	if body.Status.CollisionCount != nil {
		r.collisions = *body.Status.CollisionCount
	}
	r.cause = []events.Offset{d.Desired}
	if n := len(in.Triggers); n > 0 {
		r.cause = append(r.cause, in.Triggers[n-1].Offset)
	}
	for _, o := range in.Cache.Controlled(d, events.ReplicaSets) {
		b, ok := in.Bodies[o.Ref].(*appsv1.ReplicaSet)
		if ok && o.Facts.Workload != nil && reconcile.Matches(d.Facts.Workload.Selector, o.Facts.Labels) {
			r.sets = append(r.sets, r.measure(&set{object: o, body: b, want: int(o.Facts.Workload.Replicas)}))
		}
	}
	slices.SortStableFunc(r.sets, func(a, b *set) int { return cmp.Compare(a.object.Created, b.object.Created) })
	for _, s := range r.sets {
		if r.fresh == nil && s.object.Facts.Deleting == 0 && s.object.Facts.Workload.TemplateHash == d.Facts.Workload.TemplateHash {
			r.fresh = s
			continue
		}
		r.old = append(r.old, s)
	}
	return r
}

// measure counts a set's pods and notes when the next one becomes available.
func (r *run) measure(s *set) *set {
	for _, p := range r.in.Cache.Controlled(s.object, events.Pods) {
		if phase := p.Pod().Phase; phase != events.Succeeded && phase != events.Failed {
			s.running++
		}
		if !reconcile.Active(p) {
			continue
		}
		ok, due := reconcile.Available(p, r.d.Facts.Workload.MinReadySeconds, r.in.Now)
		if ok {
			s.available++
		}
		r.plan.DueBy(due)
	}
	return s
}

// bounds resolves maxSurge (rounded up) and maxUnavailable (rounded down); if
// both come to nothing, one pod may be unavailable, or nothing could move.
func bounds(d *events.Deployment, replicas int) (surge, unavailable int) {
	if d.Recreate || replicas == 0 {
		return 0, 0
	}
	surge, unavailable = resolve(d.MaxSurge, replicas, 99), resolve(d.MaxUnavailable, replicas, 0)
	if surge == 0 && unavailable == 0 {
		unavailable = 1
	}
	return surge, min(unavailable, replicas)
}

func resolve(a events.Amount, of, up int) int {
	if !a.Percent {
		return int(a.Value)
	}
	return (int(a.Value)*of + up) / 100
}

// available counts the Deployment's available pods.
func (r *run) available() (n int) {
	for _, s := range r.sets {
		n += s.available
	}
	return n
}

// complete reports whether all pods are of the template and available.
func (r *run) complete() bool {
	if r.fresh == nil || r.fresh.object.Facts.Workload.Replicas != uint64(r.replicas) {
		return false
	}
	w := r.d.Workload()
	return int(w.Updated) == r.replicas && int(w.Replicas) == r.replicas && r.available() == r.replicas
}

func (r *run) resize(s *set, want int, reason string) {
	s.want, s.reason = want, reason
}

// timeOf gives ledger time as the API prints it, in whole seconds.
func timeOf(ns int64) time.Time { return time.Unix(0, ns).UTC().Truncate(time.Second) }
