package reconcilers

import (
	"time"

	"cairn/events"
	"cairn/reconcilers/garbage"
	"cairn/reconcilers/namespaces"
	"cairn/reconcilers/nodehealth"
	"cairn/reconcilers/replicas"
	"cairn/reconcilers/rollout"
	"cairn/reconcilers/scheduler"
	"cairn/reconcilers/reconcile"
)

// Config is what reconcilers must be told of the cell.
type Config struct {
	CA    string        // PEM, the API server's: into every namespace's kube-root-ca.crt
	Grace time.Duration // how long a node may be silent; 0: nodehealth.Grace
}

// All gives every reconciler of a cell.
func All(c Config) []reconcile.Reconciler {
	return []reconcile.Reconciler{
		scheduler.Reconciler{}, replicas.Reconciler{}, rollout.Reconciler{}, nodehealth.Reconciler{Grace: c.Grace},
		namespaces.Reconciler{CA: c.CA}, garbage.Reconciler{},
	}
}

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
