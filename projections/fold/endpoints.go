package fold

import (
	"cmp"
	"maps"
	"slices"

	"cairn/events"
)

// servicesOf lists the services whose selector matches a pod's labels.
func (s *State) servicesOf(pod *object) []events.Ref {
	var list []events.Ref
	for _, l := range pod.facts.Labels {
		for ref := range s.servicesBy[labelKey{pod.ref.Namespace, l.Key, l.Value}] {
			if hasLabels(pod.facts.Labels, s.at(ref).facts.Service.Selector) {
				list = append(list, ref)
			}
		}
	}
	return list
}

// selects reports whether the fold says what serves a service.
func selects(svc *object) bool {
	return svc != nil && len(svc.facts.Service.Selector) > 0 && svc.facts.Service.Type != "ExternalName"
}

// projectServices brings endpoints up to date: of services whose own spec
// changed all of them, else of those pods that changed.
func (s *State) projectServices() {
	st := &s.step.stale
	for _, ref := range sorted(st.services) {
		s.projectService(ref, s.at(ref))
	}
	for _, ref := range sorted(st.pods) {
		if _, whole := st.services[ref]; whole {
			continue
		}
		svc, own := s.at(ref), s.at(endpointsRef(ref))
		if !selects(svc) || own != nil && own.facts != nil {
			continue
		}
		for _, pod := range sorted(st.pods[ref]) {
			s.projectBackend(svc, pod)
		}
	}
	for _, ref := range sorted(st.mirrors) {
		s.projectMirror(ref, s.at(ref))
	}
	changed := s.writeDrafts()
	for _, ref := range sorted(changed) {
		if svc := s.at(ref); selects(svc) {
			s.touchEndpoints(svc)
		}
	}
}

// touchEndpoints changes the Endpoints that stand for a service's slices.
func (s *State) touchEndpoints(svc *object) {
	ref := endpointsRef(svc.ref)
	o := &object{ref: ref, uid: derivedUID(svc.uid, "endpoints"),
		projected: &Projected{Endpoints: &EndpointsState{Service: svc.ref.Name, ServiceUID: svc.uid, Updated: s.last}}}
	if old := s.at(ref); old != nil {
		if old.facts != nil {
			return // a user's own object of that name stays
		}
		if old.uid == o.uid {
			o.revision, o.written, o.created = old.revision, old.written, old.created
		}
	}
	s.put(o)
}

// projectService renders all slices of a service whose spec changed, or
// removes them.
func (s *State) projectService(ref events.Ref, svc *object) {
	own := s.at(endpointsRef(ref))
	if own != nil && own.facts != nil {
		add(&s.step.stale.mirrors, own.ref) // a user's own, which may have lost or found its service
		return
	}
	if !selects(svc) {
		s.dropSlices(ref)
		s.remove(endpointsRef(ref))
		return
	}
	f := svc.facts.Service
	ix := s.indexOf(ref)
	for n := range ix.numbers {
		if old := s.at(SliceRef(ref, n)).projected.Slice; old.ServiceUID != svc.uid || !slices.Equal(old.Ports, f.Ports) {
			s.dropSlices(ref) // other ports: every slice becomes another one
			ix = s.indexOf(ref)
			break
		}
	}
	for _, name := range sortedKeys(ix.member) {
		s.projectBackend(svc, events.Ref{Kind: events.Pods, Namespace: ref.Namespace, Name: name})
	}
	first := f.Selector[0]
	for _, pod := range sorted(s.podsBy[labelKey{ref.Namespace, first.Key, first.Value}]) {
		s.projectBackend(svc, pod)
	}
	if len(ix.numbers) == 0 {
		targets := make([]uint64, len(f.Ports))
		for i, p := range f.Ports {
			targets[i] = target(p, nil)
		}
		s.newSlice(ref, svc.uid, f.Ports, targets)
	}
	if own == nil || own.uid != derivedUID(svc.uid, "endpoints") {
		s.touchEndpoints(svc)
	}
}

// dropSlices removes all slices of a service, those drafted in this record too.
func (s *State) dropSlices(svc events.Ref) {
	ix := s.slices[svc]
	if ix == nil {
		return
	}
	for _, n := range sortedKeys(ix.numbers) {
		s.dropSlice(svc, n)
	}
}

// projectBackend brings one pod's backend of a service up to date.
func (s *State) projectBackend(svc *object, ref events.Ref) {
	pod := s.at(ref)
	f := svc.facts.Service
	if pod == nil || !serves(pod) || !hasLabels(pod.facts.Labels, f.Selector) {
		s.dropBackend(svc.ref, ref.Name)
		return
	}
	p := pod.pod()
	serving := p.Ready && !p.Lost
	b := Backend{Address: p.Address, Node: p.Node, Pod: ref.Name, PodUID: pod.uid,
		Serving: serving, Terminating: pod.facts.Deleting != 0}
	b.Ready = f.PublishNotReady || serving && !b.Terminating
	if pod.facts.Pod.Subdomain == svc.ref.Name {
		b.Hostname = pod.facts.Pod.Hostname
	}
	targets := make([]uint64, len(f.Ports))
	for i, port := range f.Ports {
		targets[i] = target(port, pod.facts.Pod)
	}
	s.setBackend(svc.ref, svc.uid, f.Ports, targets, b)
}

// serves reports whether a pod has an address that something may answer on.
func serves(pod *object) bool {
	p := pod.pod()
	return p.Address != "" && !p.Stopped && !p.Finished()
}

// target is the port of a pod behind a service's port; 0: the pod has none of
// that name. pod may be nil: for a service without pods.
func target(port events.ServicePort, pod *events.Pod) uint64 {
	if port.TargetName == "" {
		if port.Target == 0 {
			return port.Port
		}
		return port.Target
	}
	if pod != nil {
		for _, p := range pod.Ports {
			if p.Name == port.TargetName && p.Protocol == port.Protocol {
				return p.Port
			}
		}
	}
	return 0
}

// projectMirror renders slices from a user's own Endpoints, so that there is
// one place that says what serves a service: subset by subset, as they stand.
func (s *State) projectMirror(ref events.Ref, o *object) {
	ref.Kind = events.Services
	svc := s.at(ref)
	if o == nil || o.facts == nil || o.facts.Endpoints == nil {
		if !selects(svc) {
			s.dropSlices(ref)
		}
		return
	}
	uid := ""
	if svc != nil {
		uid = svc.uid
	}
	var want []*SliceState
	for _, sub := range o.facts.Endpoints.Subsets {
		ports, targets := subsetPorts(sub.Ports)
		addresses := slices.SortedFunc(slices.Values(sub.Addresses), compareAddress)
		for chunk := range slices.Chunk(addresses, MaxSlice) {
			d := &SliceState{Service: ref.Name, ServiceUID: uid, Number: uint64(len(want)), Mirrored: true, Ports: ports, Targets: targets}
			for _, a := range chunk {
				d.Backends = append(d.Backends, Backend{Address: a.Address, Node: a.Node, Hostname: a.Hostname, Ready: a.Ready, Serving: a.Ready})
			}
			want = append(want, d)
		}
	}
	s.replaceSlices(ref, want)
}

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }

func subsetPorts(list []events.EndpointPort) (ports []events.ServicePort, targets []uint64) {
	for _, p := range list {
		ports = append(ports, events.ServicePort{Name: p.Name, Protocol: p.Protocol, Port: p.Port, Target: p.Port, AppProtocol: p.AppProtocol})
		targets = append(targets, p.Port)
	}
	return ports, targets
}

// replaceSlices makes a service's slices exactly these, numbered from 0. Only
// mirrors are replaced: nothing looks for one of their members, and an address
// may stand in several subsets, so their index knows the numbers alone.
func (s *State) replaceSlices(svc events.Ref, want []*SliceState) {
	ix := s.indexOf(svc)
	for _, n := range sortedKeys(ix.numbers) {
		if n >= uint64(len(want)) {
			s.dropSlice(svc, n)
		}
	}
	ix = s.indexOf(svc)
	if s.step.stale.drafts == nil {
		s.step.stale.drafts = map[events.Ref]*SliceState{}
	}
	for _, d := range want {
		if o := s.at(SliceRef(svc, d.Number)); o != nil && o.facts != nil {
			continue // a user's own slice of that very name stays
		}
		ix.numbers[d.Number] = targetsKey(d.Targets)
		s.step.stale.drafts[SliceRef(svc, d.Number)] = d
	}
	if len(ix.numbers) == 0 {
		delete(s.slices, svc)
	}
}
