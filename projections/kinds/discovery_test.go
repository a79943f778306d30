package kinds

import (
	"fmt"
	"testing"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"

	"cairn/events"
	"cairn/projections/fold"
	"cairn/projections/view"
)

func TestEndpointsAreRenderedByThePortsTheyServe(t *testing.T) {
	o := &view.Object{Ref: events.Ref{Kind: events.Endpoints, Namespace: "default", Name: "web"}, UID: "u", Projected: &view.Projected{Endpoints: &fold.EndpointsState{
		Service: "web", ServiceUID: "s", Ports: []events.ServicePort{{Name: "http", Protocol: "TCP", Port: 80}},
		Backends: []fold.Backend{{Address: "10.66.0.2", Pod: "a", Ready: true, Targets: []uint64{8080}}, {Address: "10.66.0.3", Pod: "b", Targets: []uint64{8080}}, {Address: "10.66.0.4", Pod: "c", Ready: true, Targets: []uint64{9090}}}}}}
	e := rendered(t, nil, o).(*corev1.Endpoints)
	if len(e.Subsets) != 2 || len(e.Subsets[0].Addresses) != 1 || len(e.Subsets[0].NotReadyAddresses) != 1 || e.Subsets[1].Ports[0].Port != 9090 {
		t.Errorf("%+v", e.Subsets)
	}
	slice := *o
	slice.Ref.Kind = events.EndpointSlices
	// A slice has one list of ports: that of most that are ready.
	shown := func() string {
		s := rendered(t, nil, &slice).(*discoveryv1.EndpointSlice)
		said := fmt.Sprint(*s.Ports[0].Port)
		for _, e := range s.Endpoints {
			said += " " + e.TargetRef.Name
		}
		return said
	}
	if got := shown(); got != "8080 a b" {
		t.Errorf("the slice shows %s", got)
	}
	o.Projected.Endpoints.Backends[0].Ready = false
	if got := shown(); got != "9090 c" {
		t.Errorf("the slice shows %s", got)
	}
}
