package kinds

import (
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"

	"cairn/events"
	"cairn/projections/fold"
	"cairn/projections/view"
)

// slicesOf reads these slices, whatever is asked.
type slicesOf struct {
	nothing
	list []*view.Object
}

func (s slicesOf) Prefixed(kind, namespace, prefix string, at events.Revision) ([]*view.Object, error) {
	if kind != events.EndpointSlices || namespace != "default" || !strings.HasPrefix(prefix, "web-") || at != 77 {
		return nil, fmt.Errorf("asked for %s %s %s at %d", kind, namespace, prefix, at)
	}
	return s.list, nil
}

func slice(n uint64, target uint64, backends ...fold.Backend) *view.Object {
	svc := events.Ref{Kind: events.Services, Namespace: "default", Name: "web"}
	return &view.Object{Ref: fold.SliceRef(svc, n), Projected: &view.Projected{Slice: &fold.SliceState{Service: "web", ServiceUID: "s", Number: n,
		Ports: []events.ServicePort{{Name: "http", Protocol: "TCP", Port: 80}}, Targets: []uint64{target}, Backends: backends}}}
}

var mark = &view.Object{Ref: events.Ref{Kind: events.Endpoints, Namespace: "default", Name: "web"}, UID: "u", Revision: 77,
	Projected: &view.Projected{Endpoints: &fold.EndpointsState{Service: "web", ServiceUID: "s", Updated: 9}}}

func TestEndpointsAreRenderedFromTheirSlicesByThePortsTheyServe(t *testing.T) {
	r := slicesOf{nothing{Builtin()}, []*view.Object{
		slice(0, 8080, fold.Backend{Address: "10.66.0.9", Pod: "z", Ready: true}, fold.Backend{Address: "10.66.0.2", Pod: "a", Ready: true}),
		slice(1, 9090, fold.Backend{Address: "10.66.0.4", Pod: "c", Ready: true}), slice(2, 8080, fold.Backend{Address: "10.66.0.3", Pod: "b"}),
		{Ref: events.Ref{Kind: events.EndpointSlices, Namespace: "default", Name: "web-0-mine"}}, // a user's own
	}}
	e := renderedBy(t, nil, mark, r).(*corev1.Endpoints)
	said := ""
	for _, s := range e.Subsets {
		said += fmt.Sprint(s.Ports[0].Port, ":")
		for _, a := range s.Addresses {
			said += " " + a.TargetRef.Name
		}
		for _, a := range s.NotReadyAddresses {
			said += " !" + a.TargetRef.Name
		}
		said += "; "
	}
	if said != "8080: a z !b; 9090: c; " {
		t.Errorf("shown %s", said)
	}
	s := rendered(t, nil, r.list[0]).(*discoveryv1.EndpointSlice)
	if len(s.Endpoints) != 2 || s.Endpoints[0].TargetRef.Name != "a" || *s.Ports[0].Port != 8080 || s.Labels[discoveryv1.LabelServiceName] != "web" {
		t.Errorf("the slice shows %+v", s)
	}
}

func TestEndpointsShowAThousandReadyOnesFirst(t *testing.T) {
	var list []*view.Object
	for n := range uint64(30) {
		o := slice(n, 8080+n%2)
		for i := range 100 {
			o.Projected.Slice.Backends = append(o.Projected.Slice.Backends, fold.Backend{Address: fmt.Sprintf("10.66.%d.%d", n, i), Ready: n < 6})
		}
		list = append(list, o)
	}
	count := func(list []*view.Object) (ready, not int, note string) {
		e := renderedBy(t, nil, mark, slicesOf{nothing{Builtin()}, list}).(*corev1.Endpoints)
		for _, s := range e.Subsets {
			ready += len(s.Addresses)
			not += len(s.NotReadyAddresses)
		}
		return ready, not, e.Annotations[corev1.EndpointsOverCapacity]
	}
	if a, b, note := count(list); a != 600 || b != 400 || note != "truncated" {
		t.Errorf("%d ready, %d not, %q", a, b, note)
	}
	for _, o := range list {
		for i := range o.Projected.Slice.Backends {
			o.Projected.Slice.Backends[i].Ready = true
		}
	}
	if a, b, note := count(list); a != 1000 || b != 0 || note != "truncated" {
		t.Errorf("of 3,000 ready: %d, %d not, %q", a, b, note)
	}
	if a, b, note := count(list[:10]); a != 1000 || b != 0 || note != "" {
		t.Errorf("of 1,000: %d, %d not, %q", a, b, note)
	}
}

func TestAUsersEndpointsKeepAllTheirSubsets(t *testing.T) {
	e := &corev1.Endpoints{Subsets: []corev1.EndpointSubset{
		{Addresses: []corev1.EndpointAddress{{IP: "192.0.2.2"}, {IP: "192.0.2.1"}}, NotReadyAddresses: []corev1.EndpointAddress{{IP: "192.0.2.3"}},
			Ports: []corev1.EndpointPort{{Name: "b", Port: 2, Protocol: "TCP"}, {Name: "a", Port: 1, Protocol: "TCP"}}},
		{Addresses: []corev1.EndpointAddress{{IP: "192.0.2.4"}}, Ports: []corev1.EndpointPort{{Name: "a", Port: 9, Protocol: "TCP"}}}}}
	f := kind(t, events.Endpoints).FactsOf(Builtin(), e, Before{})
	said := ""
	for _, s := range f.Endpoints.Subsets {
		for _, p := range s.Ports {
			said += fmt.Sprint(p.Name, p.Port, " ")
		}
		for _, a := range s.Addresses {
			said += fmt.Sprint(a.Address, a.Ready, " ")
		}
		said += "; "
	}
	if said != "a1 b2 192.0.2.1true 192.0.2.2true 192.0.2.3false ; a9 192.0.2.4true ; " {
		t.Errorf("facts %s", said)
	}
}
