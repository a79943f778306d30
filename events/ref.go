package events

import (
	"strings"

	"cairn/events/wire"
)

// Kinds are named as resource and group, as Kubernetes' GroupResource prints
// them; the core group has no suffix.
const (
	Pods            = "pods"
	Nodes           = "nodes"
	Namespaces      = "namespaces"
	Services        = "services"
	Endpoints       = "endpoints"
	EndpointSlices  = "endpointslices.discovery.k8s.io"
	ReplicationCtrl = "replicationcontrollers"
	ReplicaSets     = "replicasets.apps"
	Deployments     = "deployments.apps"
	ConfigMaps      = "configmaps"
	Secrets         = "secrets"
	ServiceAccounts = "serviceaccounts"
	Events          = "events"
	Leases          = "leases.coordination.k8s.io"
	Cells           = "cells.cairn"   // the subject of record 0 and of activations
	Servers         = "servers.cairn" // the API servers of a cell
)

// Ref names an object within a cell. Namespace is empty for cluster-scoped
// kinds. A Ref is comparable and orders by kind, namespace, name.
type Ref struct {
	Kind, Namespace, Name string
}

// Compare orders refs by kind, namespace, name: the order of a record's changes.
func (r Ref) Compare(o Ref) int {
	if c := strings.Compare(r.Kind, o.Kind); c != 0 {
		return c
	}
	if c := strings.Compare(r.Namespace, o.Namespace); c != 0 {
		return c
	}
	return strings.Compare(r.Name, o.Name)
}

func (r Ref) String() string {
	if r.Namespace == "" {
		return r.Kind + "/" + r.Name
	}
	return r.Kind + "/" + r.Namespace + "/" + r.Name
}

func (r *Ref) Fields(w *wire.Codec) {
	w.Str(1, &r.Kind)
	w.Str(2, &r.Namespace)
	w.Str(3, &r.Name)
}
