package kinds

import (
	coordinationv1 "k8s.io/api/coordination/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"cairn/events"
)

var coordination = schema.GroupVersion{Group: "coordination.k8s.io", Version: "v1"}

// leases has no rows: a server renders a node's from its heartbeats.
func leases() *Kind {
	return &Kind{Name: events.Leases, Version: coordination.WithKind("Lease"), Namespaced: true, Said: "lease",
		New: func() Object { return &coordinationv1.Lease{} }, Life: []Share{{"spec.renewTime", Node}, {"spec.holderIdentity", Node}}}
}
