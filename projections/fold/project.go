package fold

import (
	"maps"
	"slices"

	"cairn/events"
)

func sorted(m refs) []events.Ref {
	return slices.SortedFunc(maps.Keys(m), events.Ref.Compare)
}

func (s *State) stale(ref events.Ref) { s.step.stale = append(s.step.stale, ref) }

// markStale notes what must be projected anew because o changed.
func (s *State) markStale(old, now *object) {
	sameBody := old != nil && now != nil && old.facts == now.facts
	for _, o := range []*object{old, now} {
		if o == nil || o.facts == nil {
			continue
		}
		if c := controller(o.facts); c != nil {
			s.stale(events.Ref{Kind: c.Kind, Namespace: o.ref.Namespace, Name: c.Name})
		}
		switch {
		case o.facts.Pod != nil:
			for _, svc := range s.servicesOf(o) {
				s.stale(svc)
			}
		case o.facts.Workload != nil, o.facts.Service != nil, o.ref.Kind == events.Endpoints:
			if !sameBody {
				s.stale(o.ref)
			}
		}
	}
}

// project brings all that is a function of the changed objects up to date.
func (s *State) project() {
	for len(s.step.stale) > 0 {
		list := s.step.stale
		s.step.stale = nil
		slices.SortFunc(list, events.Ref.Compare)
		for _, ref := range slices.Compact(list) {
			o := s.objects[ref]
			switch {
			case ref.Kind == events.Services:
				s.projectService(ref, o)
			case ref.Kind == events.Endpoints:
				s.projectMirror(ref, o)
			case o == nil || o.facts == nil || o.facts.Workload == nil:
			case o.facts.Deployment != nil:
				s.setWorkload(o, s.countDeployment(o))
			default:
				s.setWorkload(o, s.countPods(o))
			}
		}
	}
}

func (s *State) setWorkload(o *object, st WorkloadState) {
	if o.projected != nil && o.projected.Workload != nil && *o.projected.Workload == st {
		return
	}
	o2 := *o
	o2.projected = &Projected{Workload: &st}
	s.put(&o2)
}

// countPods counts a workload's live pods, as Kubernetes' controllers do:
// without those that are done or being deleted.
func (s *State) countPods(w *object) WorkloadState {
	var st WorkloadState
	for ref := range s.owned[w.uid] {
		o := s.objects[ref]
		p := o.pod()
		if o.facts.Pod == nil || o.facts.Deleting != 0 || p.Phase == events.Succeeded || p.Phase == events.Failed {
			continue
		}
		st.Replicas++
		if hasLabels(o.facts.Labels, w.facts.Workload.TemplateLabels) {
			st.FullyLabeled++
		}
		if p.Ready && !p.Lost {
			st.Ready++
		}
	}
	return st
}

func (s *State) countDeployment(d *object) WorkloadState {
	var st WorkloadState
	for ref := range s.owned[d.uid] {
		o := s.objects[ref]
		if o.facts.Workload == nil || o.projected == nil || o.projected.Workload == nil {
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

// hasLabels tells whether all of want are among labels; both are sorted.
func hasLabels(labels, want []events.Pair) bool {
	i := 0
	for _, l := range labels {
		if i < len(want) && l == want[i] {
			i++
		}
	}
	return i == len(want)
}
