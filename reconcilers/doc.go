// Package reconcilers lists them: what compares wanted with observed in a view
// and hands back intents. Each is a package of its own with a pure step; they
// never import each other, for they meet in the ledger.
//
//	engine      runs them: picture, queue, requests, records
//	step        what they are given and hand back
//	scheduler   pods -> nodes
//	replicas    ReplicaSets, ReplicationControllers -> pods
//	rollout     Deployments -> ReplicaSets
//	nodehealth  silence -> lost nodes, their pods moved
//	namespaces  furnishes those that live, empties those that end
//	garbage     what no owner is left of
//
// In: what the cell is called and trusts. Out: the list for an engine.
//
// Pure.
//
// Read first: step/step.go, then engine/doc.go.
package reconcilers
