package fold

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"

	"cairn/events"
)

// What serves a service is kept in slices of at most MaxSlice backends, and a
// backend stays in its slice. The naive way writes all of a service's backends
// whenever one changes: with 5,000 pods each flip of one's readiness then costs
// the fold, the ledger's views and every node what 5,000 cost. Here a flip
// touches one slice, found by an index.

// SlicePrefix begins the name of every slice that the fold renders for a
// service: a function of the service's name that is unlikely to be anyone else's.
func SlicePrefix(svc events.Ref) string {
	sum := sha256.Sum256([]byte(svc.Namespace + "/" + svc.Name))
	return svc.Name + "-" + hex.EncodeToString(sum[:4]) + "-"
}

// SliceRef names slice n of a service.
func SliceRef(svc events.Ref, n uint64) events.Ref {
	return events.Ref{Kind: events.EndpointSlices, Namespace: svc.Namespace, Name: SlicePrefix(svc) + strconv.FormatUint(n, 10)}
}

func endpointsRef(svc events.Ref) events.Ref {
	return events.Ref{Kind: events.Endpoints, Namespace: svc.Namespace, Name: svc.Name}
}

// derivedUID names what is rendered from another object (RFC 9562, version 8).
func derivedUID(uid, what string) string {
	sum := sha256.Sum256([]byte(uid + "/" + what))
	sum[6], sum[8] = sum[6]&0x0f|0x80, sum[8]&0x3f|0x80
	return events.ID(sum[:16]).String()
}

// sliceIndex finds a service's slices.
//
// Invariant: it is a function of the slices; numbers holds all of them; member
// each pod once, and room[targets] the numbers of the slices with those targets
// that are not full, ascending. Of mirrored slices it holds the numbers alone.
type sliceIndex struct {
	member  map[string]uint64 // pod name -> slice number
	room    map[string][]uint64
	numbers map[uint64]string // slice number -> its targets
}

// targetsKey is a comparable form of a slice's port numbers.
func targetsKey(targets []uint64) string {
	b := make([]byte, 0, 16)
	for _, t := range targets {
		b = append(strconv.AppendUint(b, t, 10), '/')
	}
	return string(b)
}

func (s *State) indexOf(svc events.Ref) *sliceIndex {
	ix := s.slices[svc]
	if ix == nil {
		ix = &sliceIndex{member: map[string]uint64{}, room: map[string][]uint64{}, numbers: map[uint64]string{}}
		s.slices[svc] = ix
	}
	return ix
}

func (ix *sliceIndex) setRoom(key string, n uint64, room bool) {
	list := ix.room[key]
	i, found := slices.BinarySearch(list, n)
	switch {
	case room && !found:
		list = slices.Insert(list, i, n)
	case !room && found:
		list = slices.Delete(list, i, i+1)
	default:
		return
	}
	if len(list) == 0 {
		delete(ix.room, key)
		return
	}
	ix.room[key] = list
}

// enterSlice adds a loaded slice to the index.
func (s *State) enterSlice(o *object) {
	st := o.projected.Slice
	ix := s.indexOf(events.Ref{Kind: events.Services, Namespace: o.ref.Namespace, Name: st.Service})
	key := targetsKey(st.Targets)
	ix.numbers[st.Number] = key
	if st.Mirrored {
		return
	}
	ix.setRoom(key, st.Number, len(st.Backends) < MaxSlice)
	for _, b := range st.Backends {
		ix.member[b.Pod] = st.Number
	}
}

// draft gives slice n of a service to be changed in this record.
func (s *State) draft(svc events.Ref, n uint64) *SliceState {
	ref := SliceRef(svc, n)
	if d := s.step.stale.drafts[ref]; d != nil {
		return d
	}
	if s.step.stale.drafts == nil {
		s.step.stale.drafts = map[events.Ref]*SliceState{}
	}
	d := *s.at(ref).projected.Slice
	d.Backends = slices.Clone(d.Backends)
	s.step.stale.drafts[ref] = &d
	return &d
}

// newSlice begins a slice under the lowest number whose name is free.
func (s *State) newSlice(svc events.Ref, uid string, ports []events.ServicePort, targets []uint64) *SliceState {
	ix := s.indexOf(svc)
	if len(ix.numbers) == 1 {
		for only := range ix.numbers {
			s.draft(svc, only) // where it is empty, it goes
		}
	}
	n := uint64(0)
	for ; ; n++ {
		if _, taken := ix.numbers[n]; !taken && s.at(SliceRef(svc, n)) == nil {
			break
		}
	}
	d := &SliceState{Service: svc.Name, ServiceUID: uid, Number: n, Ports: ports, Targets: targets}
	key := targetsKey(targets)
	ix.numbers[n] = key
	ix.setRoom(key, n, true)
	if s.step.stale.drafts == nil {
		s.step.stale.drafts = map[events.Ref]*SliceState{}
	}
	s.step.stale.drafts[SliceRef(svc, n)] = d
	return d
}

// setBackend puts a backend into the slice that holds it, or into the first
// with room.
func (s *State) setBackend(svc events.Ref, uid string, ports []events.ServicePort, targets []uint64, b Backend) {
	ix, name, key := s.indexOf(svc), b.Pod, targetsKey(targets)
	if n, ok := ix.member[name]; ok && ix.numbers[n] == key {
		d := s.draft(svc, n)
		for i := range d.Backends {
			if d.Backends[i].Pod == name {
				d.Backends[i] = b
				return
			}
		}
	} else if ok {
		s.dropBackend(svc, name)
	}
	var d *SliceState
	if free := ix.room[key]; len(free) > 0 {
		d = s.draft(svc, free[0])
	} else {
		d = s.newSlice(svc, uid, ports, targets)
	}
	d.Backends = append(d.Backends, b)
	ix.member[name] = d.Number
	ix.setRoom(key, d.Number, len(d.Backends) < MaxSlice)
}

// dropBackend takes a backend out of the slice that holds it, if one does.
func (s *State) dropBackend(svc events.Ref, name string) {
	ix := s.slices[svc]
	if ix == nil {
		return
	}
	n, ok := ix.member[name]
	if !ok {
		return
	}
	delete(ix.member, name)
	d := s.draft(svc, n)
	d.Backends = slices.DeleteFunc(d.Backends, func(b Backend) bool { return b.Pod == name })
	ix.setRoom(ix.numbers[n], n, true)
}

// dropSlice ends a slice, and forgets it.
func (s *State) dropSlice(svc events.Ref, n uint64) {
	ix := s.slices[svc]
	ix.setRoom(ix.numbers[n], n, false)
	delete(ix.numbers, n)
	delete(s.step.stale.drafts, SliceRef(svc, n))
	s.remove(SliceRef(svc, n))
	if len(ix.numbers) == 0 {
		delete(s.slices, svc)
	}
}

// writeDrafts puts the changed slices; empty ones go, but for one: a service
// without backends has a slice that says so. It gives the services they belong to.
func (s *State) writeDrafts() (changed map[events.Ref]bool) {
	changed = map[events.Ref]bool{}
	for _, ref := range sorted(s.step.stale.drafts) {
		d := s.step.stale.drafts[ref]
		svc := events.Ref{Kind: events.Services, Namespace: ref.Namespace, Name: d.Service}
		if len(d.Backends) == 0 && len(s.slices[svc].numbers) > 1 {
			changed[svc] = true
			s.dropSlice(svc, d.Number)
			continue
		}
		old := s.at(ref)
		if old == nil {
			old = s.step.before[ref] // dropped in this record, and back
		} else if sameSlice(old.projected.Slice, d) {
			continue
		}
		changed[svc] = true
		owner := d.ServiceUID
		if owner == "" {
			owner = ref.Namespace + "/" + d.Service
		}
		o := &object{ref: ref, uid: derivedUID(owner, ref.Name), projected: &Projected{Slice: d}}
		if old != nil && old.uid == o.uid {
			o.revision, o.written, o.created = old.revision, old.written, old.created
		}
		s.put(o)
	}
	s.step.stale.drafts = nil
	return changed
}

func compareAddress(a, b events.EndpointAddress) int { return strings.Compare(a.Address, b.Address) }
