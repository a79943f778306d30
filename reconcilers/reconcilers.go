package reconcilers

import (
	"time"

	"cairn/events"
	"cairn/reconcilers/garbage"
	"cairn/reconcilers/namespaces"
	"cairn/reconcilers/nodehealth"
	"cairn/reconcilers/reconcile"
	"cairn/reconcilers/replicas"
	"cairn/reconcilers/rollout"
	"cairn/reconcilers/scheduler"
)

// Config is what reconcilers must be told of the cell.
type Config struct {
	CA    string        // PEM, the API server's: into every namespace's kube-root-ca.crt
	Grace time.Duration // how long a node may be silent; 0: nodehealth.Grace
}

// All gives every reconciler of a cell that shares the engine's loop.
func All(c Config) []reconcile.Reconciler {
	return []reconcile.Reconciler{
		replicas.Reconciler{}, rollout.Reconciler{}, nodehealth.Reconciler{Grace: c.Grace}, namespaces.Reconciler{CA: c.CA}, garbage.Reconciler{},
	}
}

// Cores gives those that have a loop of their own.
func Cores() []reconcile.Core { return []reconcile.Core{scheduler.New()} }

// Kinds are those that an engine must follow: all that can live in a namespace
// or name an owner.
func Kinds() []string {
	const rbac = ".rbac.authorization.k8s.io"
	return []string{
		events.Pods, events.Nodes, events.Namespaces, events.Services, events.Endpoints, events.EndpointSlices,
		events.ReplicationCtrl, events.ReplicaSets, events.Deployments, events.ConfigMaps, events.Secrets, events.ServiceAccounts, events.Leases,
		"roles" + rbac, "rolebindings" + rbac, "clusterroles" + rbac, "clusterrolebindings" + rbac,
	}
}
