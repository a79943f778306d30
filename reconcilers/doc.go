// Package reconcilers lists them: what compares what is desired with what is
// observed in a view and hands back intents. Each is a package of its own with
// a pure plan; they never import each other, for they meet in the ledger.
//
//	engine      runs them: cache, queue, requests, records
//	reconcile   what they are given and hand back
//	scheduler   pods -> nodes
//	replicas    ReplicaSets, ReplicationControllers -> pods
//	rollout     Deployments -> ReplicaSets
//	nodehealth  silence -> lost nodes, their pods moved
//	namespaces  defaults for those that live, an end for those that are deleted
//	garbage     what no owner is left of
//
// In: what the cell is called and trusts. Out: the list for an engine.
// Their scenarios lie beside each, in testdata; tools/sim/worldtest plays them
// in a whole cell.
//
// Pure.
//
// Read first: reconcile/reconcile.go, then engine/doc.go.
package reconcilers
