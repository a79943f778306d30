package fold

import (
	"crypto/sha256"
	"encoding/hex"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"cairn/events"
)

// servicesOf lists the services whose selector matches a pod's labels.
func (s *State) servicesOf(pod *object) []events.Ref {
	var list []events.Ref
	for _, l := range pod.facts.Labels {
		for ref := range s.servicesBy[labelKey{pod.ref.Namespace, l.Key, l.Value}] {
			if hasLabels(pod.facts.Labels, s.objects[ref].facts.Service.Selector) {
				list = append(list, ref)
			}
		}
	}
	return list
}

func endpointsRef(svc events.Ref) events.Ref {
	return events.Ref{Kind: events.Endpoints, Namespace: svc.Namespace, Name: svc.Name}
}

// sliceRef names the first EndpointSlice rendered for a service: the name is a
// function of the service's, and unlikely to be anyone else's.
func sliceRef(svc events.Ref) events.Ref {
	sum := sha256.Sum256([]byte(svc.Namespace + "/" + svc.Name))
	return events.Ref{Kind: events.EndpointSlices, Namespace: svc.Namespace, Name: svc.Name + "-" + hex.EncodeToString(sum[:4])}
}

// derivedUID names what is rendered from another object (RFC 9562, version 8).
func derivedUID(uid, what string) string {
	sum := sha256.Sum256([]byte(uid + "/" + what))
	sum[6], sum[8] = sum[6]&0x0f|0x80, sum[8]&0x3f|0x80
	return events.ID(sum[:16]).String()
}

// projectService renders a selector service's Endpoints and EndpointSlices, or
// removes them.
func (s *State) projectService(ref events.Ref, svc *object) {
	if svc == nil || len(svc.facts.Service.Selector) == 0 || svc.facts.Service.Type == "ExternalName" {
		if o := s.objects[endpointsRef(ref)]; o != nil && o.facts == nil {
			s.remove(o.ref)
			for _, slice := range sorted(s.slices[ref]) {
				s.remove(slice)
			}
		}
		return
	}
	st := s.endpointsOf(svc)
	s.render(endpointsRef(ref), derivedUID(svc.uid, "endpoints"), st)
	groups := byTargets(st)
	wanted := refs{}
	for i, g := range groups {
		slice, what := sliceRef(ref), "endpointslice"
		if i > 0 {
			what += targetsName(g)
			slice.Name += "-" + derivedUID("", what)[:8]
		}
		wanted[slice] = struct{}{}
		s.render(slice, derivedUID(svc.uid, what), g)
	}
	for _, slice := range sorted(s.slices[ref]) {
		if _, ok := wanted[slice]; !ok {
			s.remove(slice)
		}
	}
}

// byTargets parts backends by the port numbers behind the service's ports: an
// EndpointSlice has one list of ports, but a named port may have another number
// in each pod, or none. There is always one group, the first by its numbers.
func byTargets(st *EndpointsState) []*EndpointsState {
	var groups []*EndpointsState
	for _, b := range st.Backends {
		i := slices.IndexFunc(groups, func(g *EndpointsState) bool { return slices.Equal(g.Backends[0].Targets, b.Targets) })
		if i < 0 {
			i = len(groups)
			groups = append(groups, &EndpointsState{Service: st.Service, ServiceUID: st.ServiceUID, Ports: st.Ports})
		}
		groups[i].Backends = append(groups[i].Backends, b)
	}
	if len(groups) == 0 {
		return []*EndpointsState{st}
	}
	slices.SortFunc(groups, func(a, b *EndpointsState) int { return slices.Compare(a.Backends[0].Targets, b.Backends[0].Targets) })
	return groups
}

func targetsName(g *EndpointsState) string {
	name := ""
	for _, t := range g.Backends[0].Targets {
		name += "/" + strconv.FormatUint(t, 10)
	}
	return name
}

// render puts an object that the fold makes as a whole.
func (s *State) render(ref events.Ref, uid string, st *EndpointsState) {
	old := s.objects[ref]
	if old != nil && (old.facts != nil || old.uid == uid && sameProjected(old.projected, &Projected{Endpoints: st})) {
		return // a user's own object of that name stays; what is the same stays unwritten
	}
	o := &object{ref: ref, uid: uid, projected: &Projected{Endpoints: st}}
	if old != nil && old.uid == uid {
		o.revision, o.written, o.created = old.revision, old.written, old.created
	}
	s.put(o)
}

func (s *State) endpointsOf(svc *object) *EndpointsState {
	f := svc.facts.Service
	st := &EndpointsState{Service: svc.ref.Name, ServiceUID: svc.uid, Ports: f.Ports}
	first := f.Selector[0]
	for ref := range s.podsBy[labelKey{svc.ref.Namespace, first.Key, first.Value}] {
		pod := s.objects[ref]
		p := pod.pod()
		if p.Address == "" || p.Stopped || p.Phase == events.Succeeded || p.Phase == events.Failed ||
			!hasLabels(pod.facts.Labels, f.Selector) {
			continue
		}
		serving := p.Ready && !p.Lost
		b := Backend{Address: p.Address, Node: p.Node, Pod: ref.Name, PodUID: pod.uid,
			Serving: serving, Terminating: pod.facts.Deleting != 0}
		b.Ready = f.PublishNotReady || serving && !b.Terminating
		if pod.facts.Pod.Subdomain == svc.ref.Name {
			b.Hostname = pod.facts.Pod.Hostname
		}
		for _, port := range f.Ports {
			b.Targets = append(b.Targets, target(port, pod.facts.Pod))
		}
		st.Backends = append(st.Backends, b)
	}
	slices.SortFunc(st.Backends, compareBackends)
	return st
}

func compareBackends(a, b Backend) int {
	x, _ := netip.ParseAddr(a.Address)
	y, _ := netip.ParseAddr(b.Address)
	if c := x.Compare(y); c != 0 {
		return c
	}
	return strings.Compare(a.Pod, b.Pod)
}

func target(port events.ServicePort, pod *events.Pod) uint64 {
	if port.TargetName == "" {
		if port.Target == 0 {
			return port.Port
		}
		return port.Target
	}
	for _, p := range pod.Ports {
		if p.Name == port.TargetName && p.Protocol == port.Protocol {
			return p.Port
		}
	}
	return 0
}

// projectMirror renders an EndpointSlice from a user's own Endpoints, so that
// there is one place that says what serves a service.
func (s *State) projectMirror(ref events.Ref, o *object) {
	svc := events.Ref{Kind: events.Services, Namespace: ref.Namespace, Name: ref.Name}
	if o == nil {
		if m := s.objects[sliceRef(svc)]; m != nil && m.facts == nil && s.objects[endpointsRef(svc)] == nil {
			s.remove(m.ref)
		}
		return
	}
	if o.facts == nil || o.facts.Endpoints == nil {
		return
	}
	st := &EndpointsState{Service: ref.Name}
	if owner := s.objects[svc]; owner != nil {
		st.ServiceUID = owner.uid
	}
	byAddress := map[string]int{}
	for _, e := range o.facts.Endpoints.Endpoints {
		port := slices.IndexFunc(st.Ports, func(p events.ServicePort) bool {
			return p.Name == e.PortName && p.Protocol == e.Protocol && p.Target == e.Port
		})
		if port < 0 {
			port = len(st.Ports)
			st.Ports = append(st.Ports, events.ServicePort{Name: e.PortName, Protocol: e.Protocol, Port: e.Port, Target: e.Port})
		}
		i, ok := byAddress[e.Address]
		if !ok {
			i = len(st.Backends)
			byAddress[e.Address] = i
			st.Backends = append(st.Backends, Backend{Address: e.Address, Ready: e.Ready, Serving: e.Ready})
		}
		b := &st.Backends[i]
		for len(b.Targets) <= port {
			b.Targets = append(b.Targets, 0)
		}
		b.Targets[port] = e.Port
	}
	for i := range st.Backends {
		for len(st.Backends[i].Targets) < len(st.Ports) {
			st.Backends[i].Targets = append(st.Backends[i].Targets, 0)
		}
	}
	slices.SortFunc(st.Backends, compareBackends)
	s.render(sliceRef(svc), derivedUID(o.uid, "endpointslice"), st)
}
