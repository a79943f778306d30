package fold

import "cairn/events"

// Counts of a workload's pods are kept, not taken: the naive way walks all of
// them at each readiness change, and a change of one pod among 5,000 then
// costs as much as the 5,000.
//
// Invariant: counts[owner] is the sum over the pods that name the owner as their
// controller, with FullyLabeled by the labels that its template has now. The
// key is name and uid: nothing keeps a writer from giving two objects one uid.

// live reports whether a pod counts as one of its workload's, as Kubernetes'
// controllers count: not done, not being deleted.
func live(o *object) bool {
	return o.facts.Pod != nil && o.facts.Deleting == 0 && !o.pod().Finished()
}

// ownerKey names a controller as its pods do.
type ownerKey struct {
	ref events.Ref
	uid string
}

// count adds what a pod contributes to its controller's counts, or takes it away.
func (s *State) count(o *object, sign int) {
	c := controller(o.facts)
	if c == nil || !live(o) {
		return
	}
	k := ownerKey{events.Ref{Kind: c.Kind, Namespace: o.ref.Namespace, Name: c.Name}, c.UID}
	n := s.counts[k]
	n.Replicas += uint64(sign)
	if p := o.pod(); p.Ready && !p.Lost {
		n.Ready += uint64(sign)
	}
	if w := s.owner(o.ref.Namespace, o.facts); w != nil && w.facts.Workload != nil && hasLabels(o.facts.Labels, w.facts.Workload.TemplateLabels) {
		n.FullyLabeled += uint64(sign)
	}
	if n == (WorkloadState{}) {
		delete(s.counts, k)
		return
	}
	s.counts[k] = n
}

// recount counts a workload's fully labelled pods anew: its template's labels
// changed, or (w is nil) it is gone.
func (s *State) recount(k ownerKey, w *object) {
	n, ok := s.counts[k]
	if !ok {
		return
	}
	n.FullyLabeled = 0
	for ref := range s.owned[k.uid] {
		o := s.at(ref)
		if w != nil && live(o) && s.owner(ref.Namespace, o.facts) == w && hasLabels(o.facts.Labels, w.facts.Workload.TemplateLabels) {
			n.FullyLabeled++
		}
	}
	if n == (WorkloadState{}) {
		delete(s.counts, k)
		return
	}
	s.counts[k] = n
}

// projectWorkload brings a workload's counts up to date. Deployments count
// their replica sets, those their pods: two levels, whatever owners say, so
// that no circle of owners can be counted round and round.
func (s *State) projectWorkload(o *object) {
	st := s.counts[ownerKey{o.ref, o.uid}]
	if o.facts.Deployment != nil {
		st = s.countDeployment(o)
	}
	if o.projected != nil && o.projected.Workload != nil && *o.projected.Workload == st {
		return
	}
	o2 := *o
	o2.projected = &Projected{Workload: &st}
	s.put(&o2)
}

func (s *State) countDeployment(d *object) WorkloadState {
	var st WorkloadState
	for ref := range s.owned[d.uid] {
		o := s.at(ref)
		if o.facts.Workload == nil || o.facts.Deployment != nil || o.projected == nil || o.projected.Workload == nil ||
			s.owner(ref.Namespace, o.facts) != d {
			continue
		}
		n := o.projected.Workload
		st.Replicas += n.Replicas
		st.Ready += n.Ready
		if o.facts.Workload.TemplateHash == d.facts.Workload.TemplateHash {
			st.Updated += n.Replicas
		}
	}
	if want := d.facts.Workload.Replicas; want > st.Ready {
		st.Unavailable = want - st.Ready
	}
	return st
}

// hasLabels reports whether all of want are among labels; both are sorted.
func hasLabels(labels, want []events.Pair) bool {
	i := 0
	for _, l := range labels {
		if i < len(want) && l == want[i] {
			i++
		}
	}
	return i == len(want)
}
