package fold

import (
	"maps"
	"slices"

	"cairn/events"
)

// stale is what must be projected anew, because of what the record changed.
type stale struct {
	workloads []events.Ref
	services  refs                // whole: their own spec changed
	pods      map[events.Ref]refs // by service: those of its pods that changed
	mirrors   refs                // a user's own Endpoints
	drafts    map[events.Ref]*SliceState
}

func sorted[V any](m map[events.Ref]V) []events.Ref {
	return slices.SortedFunc(maps.Keys(m), events.Ref.Compare)
}

// markStale notes what must be projected anew because o changed.
func (s *State) markStale(old, now *object) {
	sameBody := old != nil && now != nil && old.facts == now.facts
	for _, o := range []*object{old, now} {
		if o == nil || o.facts == nil {
			continue
		}
		if c := controller(o.facts); c != nil && (o.facts.Pod != nil || o.facts.Workload != nil) {
			s.step.stale.workloads = append(s.step.stale.workloads, events.Ref{Kind: c.Kind, Namespace: o.ref.Namespace, Name: c.Name})
		}
		switch {
		case o.facts.Pod != nil:
			for _, svc := range s.servicesOf(o) {
				s.markPod(svc, o.ref)
			}
		case sameBody:
		case o.facts.Workload != nil:
			s.step.stale.workloads = append(s.step.stale.workloads, o.ref)
		case o.facts.Service != nil:
			add(&s.step.stale.services, o.ref)
		case o.ref.Kind == events.Endpoints:
			add(&s.step.stale.mirrors, o.ref)
		}
	}
}

func add(m *refs, r events.Ref) {
	if *m == nil {
		*m = refs{}
	}
	(*m)[r] = struct{}{}
}

func (s *State) markPod(svc, pod events.Ref) {
	m := s.step.stale.pods
	if m == nil {
		m = map[events.Ref]refs{}
		s.step.stale.pods = m
	}
	set := m[svc]
	add(&set, pod)
	m[svc] = set
}

// project brings all that is a function of the changed objects up to date.
//
// It ends: services and mirrors give rise to no further work, pods to their
// replica sets, and those to their Deployment; a third round would mean that
// owners go in a circle, and finds nothing new to count (see projectWorkload).
func (s *State) project() {
	s.projectServices()
	for range 3 {
		list := s.step.stale.workloads
		s.step.stale.workloads = nil
		slices.SortFunc(list, events.Ref.Compare)
		for _, ref := range slices.Compact(list) {
			if o := s.at(ref); o != nil && o.facts != nil && o.facts.Workload != nil {
				s.projectWorkload(o)
			}
		}
	}
}
