// Package replicas keeps as many pods as a ReplicaSet or ReplicationController
// wants.
//
// In: the workload, its pods, pods that nobody controls. Out: pods to create,
// delete, adopt or release, and the status it answers for: what generation it
// has seen, how many pods are available, why it can't create more. Counts of
// pods are the fold's.
//
// Promises: pods are created from the template under the workload as their
// controller, so nobody else's are touched. At most Burst pods are created or
// deleted by one plan; the engine sends them in growing batches and stops at
// the first refusal. Of surplus pods, those that do least go first: not placed,
// not started, not ready, on a node with more of their kind, ready for less
// time, younger.
//
// Pure.
//
// Read first: testdata/missing-pods-are-created.
package replicas
