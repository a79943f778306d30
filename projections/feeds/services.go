package feeds

import (
	"slices"

	"cairn/events"
	"cairn/events/feed"
	"cairn/projections/view"
)

// Services holds the services of a cell, what serves them, and the last entry
// given out for each.
//
// Invariant: an entry given out for a key is never older than the one before.
type Services struct {
	r0       uint64
	services map[events.Ref]*view.Object
	serving  map[events.Ref]map[events.Ref]*view.Object // by service
	serves   map[events.Ref]events.Ref                  // of an endpoints object
	last     map[events.Ref]*feed.VIPEntry
}

// NewServices makes an empty table.
func NewServices(r0 uint64) *Services {
	return &Services{r0: r0, services: map[events.Ref]*view.Object{}, serving: map[events.Ref]map[events.Ref]*view.Object{},
		serves: map[events.Ref]events.Ref{}, last: map[events.Ref]*feed.VIPEntry{}}
}

// VIPKinds are the kinds that Services is made from.
func VIPKinds() []string { return []string{events.Services, events.EndpointSlices, events.Endpoints} }

// Set takes an object as it is now and returns the services that may have
// changed by it, in order; other kinds change none.
func (t *Services) Set(o *view.Object) []events.Ref {
	switch o.Ref.Kind {
	case events.Services:
		t.services[o.Ref] = o
		return []events.Ref{o.Ref}
	case events.Endpoints, events.EndpointSlices:
		touched := t.Remove(o.Ref)
		if o.Ref.Kind == events.Endpoints && o.Projected != nil && o.Projected.Endpoints != nil {
			return touched // the same backends stand in the service's EndpointSlices
		}
		service, ok := ServedBy(o)
		if !ok {
			return touched
		}
		if t.serving[service] == nil {
			t.serving[service] = map[events.Ref]*view.Object{}
		}
		t.serving[service][o.Ref] = o
		t.serves[o.Ref] = service
		if !slices.Contains(touched, service) {
			touched = append(touched, service)
		}
		return touched
	}
	return nil
}

// Remove takes the end of an object and returns the services that it changes.
func (t *Services) Remove(ref events.Ref) []events.Ref {
	if ref.Kind == events.Services {
		delete(t.services, ref)
		return []events.Ref{ref}
	}
	service, ok := t.serves[ref]
	if !ok {
		return nil
	}
	delete(t.serves, ref)
	delete(t.serving[service], ref)
	if len(t.serving[service]) == 0 {
		delete(t.serving, service)
	}
	return []events.Ref{service}
}

// Entry returns the entry to emit for a service as of offset, nil where it is as it was.
func (t *Services) Entry(service events.Ref, as events.Offset) *feed.VIPEntry {
	had := t.last[service]
	svc := t.services[service]
	if svc == nil {
		if had == nil {
			return nil
		}
		delete(t.last, service)
		return &feed.VIPEntry{Offset: as, Key: ServiceKey(service)}
	}
	e := VIP(t.r0, svc, t.servingInOrder(service))
	e.Offset = max(e.Offset, as)
	if had != nil && SameVIP(had, e) {
		return nil
	}
	t.last[service] = e
	return e
}

func (t *Services) servingInOrder(service events.Ref) []*view.Object {
	var list []*view.Object
	for _, o := range t.serving[service] {
		list = append(list, o)
	}
	slices.SortFunc(list, func(a, b *view.Object) int { return a.Ref.Compare(b.Ref) })
	return list
}
