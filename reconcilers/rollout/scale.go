package rollout

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"

	"cairn/reconcilers/reconcile"
)

// scaled reports whether the Deployment's replicas changed since its ReplicaSets
// were last sized: their annotation says for what.
func (r *run) scaled() bool {
	for _, s := range r.sets {
		n, err := strconv.Atoi(s.annotation(desiredNote))
		if s.want > 0 && err == nil && n != r.replicas {
			return true
		}
	}
	return false
}

// scale sizes the ReplicaSets for the Deployment's replicas without rolling
// out: in the midst of a rollout in proportion, so that its risk stays the same.
func (r *run) scale() {
	reason := fmt.Sprintf("deployment %s wants %d", r.d.Ref.Name, r.replicas)
	var active []*set
	for _, s := range r.sets {
		if s.want > 0 {
			active = append(active, s)
		}
	}
	switch f := r.fresh; {
	case len(active) <= 1:
		if s := r.only(active); s != nil && s.want != r.replicas {
			r.resize(s, r.replicas, reason)
		}
		return
	case f != nil && f.want == r.replicas && f.available >= r.replicas && f.annotation(desiredNote) == strconv.Itoa(r.replicas):
		for _, s := range r.old {
			if s.want > 0 {
				r.resize(s, 0, "the new revision is there in full")
			}
		}
		return
	}
	if !r.d.Facts.Deployment.Recreate {
		r.proportion(active, reason)
	}
}

// only is the set that a scale is about where no more than one has pods.
func (r *run) only(active []*set) *set {
	switch {
	case len(active) == 1:
		return active[0]
	case r.fresh != nil:
		return r.fresh
	case len(r.old) > 0:
		return r.old[len(r.old)-1]
	}
	return nil
}

// proportion shares the difference among sets by their size, the larger first,
// of equals the newer one when growing and the older one when shrinking.
func (r *run) proportion(active []*set, reason string) {
	total := 0
	for _, s := range active {
		total += s.want
	}
	most := 0
	if r.replicas > 0 {
		most = r.replicas + r.surge
	}
	left := most - total
	order := slices.Clone(active) // oldest first
	if left > 0 {
		slices.Reverse(order)
	}
	slices.SortStableFunc(order, func(a, b *set) int { return cmp.Compare(b.want, a.want) })
	for _, s := range order {
		n := share(s, r.replicas, most, left)
		left -= n
		r.resize(s, s.want+n, reason)
	}
	if first := order[0]; left != 0 { // rounding
		r.resize(first, max(0, first.want+left), reason)
	}
}

// share is a set's part of the difference, never beyond what is left of it.
func share(s *set, replicas, most, left int) int {
	if replicas == 0 {
		return -s.want
	}
	before, err := strconv.Atoi(s.annotation(mostNote))
	if err != nil || before <= 0 {
		return 0
	}
	n := (2*s.want*most+before)/(2*before) - s.want
	if left > 0 {
		return max(0, min(n, left))
	}
	return min(0, max(n, left))
}

// finish turns what was planned for each set into requests, in front of the
// status: a claim follows the work.
func (r *run) finish() reconcile.Plan {
	var work []reconcile.Intent
	for _, s := range r.sets {
		if s.reason != "" || s.want > 0 {
			s.annotate(desiredNote, strconv.Itoa(r.replicas))
			s.annotate(mostNote, strconv.Itoa(r.replicas+r.surge))
		}
		if r.d.Facts.Deleting != 0 || !s.changed() {
			continue
		}
		patch := map[string]any{}
		if len(s.notes) > 0 {
			patch["metadata"] = map[string]any{"annotations": s.notes}
		}
		reason := s.reason
		if reason == "" {
			reason = s.because
		}
		if reason == "" {
			reason = "it follows deployment " + r.d.Ref.Name
		}
		if s.want != int(s.object.Facts.Workload.Replicas) {
			patch["spec"] = map[string]any{"replicas": s.want}
		}
		work = append(work, reconcile.Intent{Cause: reconcile.Causes(r.cause...), Reason: reason,
			Request: reconcile.Patch(s.object, "", reconcile.MergePatch, true, patch)})
	}
	r.plan.Intents = append(work, r.plan.Intents...)
	return r.plan
}
