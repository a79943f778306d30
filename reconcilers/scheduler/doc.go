// Package scheduler gives each pod a node.
//
// In: every change of pods and nodes, in ledger order. Out: pod.placed records,
// a batch per plan, and pod.unschedulable where no node fits and the reasons are
// of another class than those on record. A Decision stands in either.
//
// What fits is projections/fit, which the fold asks too. Score: first the node
// with the fewest pods of the same controller, then the one with the most left.
// Equal scores go by a hash of what the pod asks for and the node.
//
// The naive way, for each pod look at each node, costs 5,000 checks a pod; and
// a list of nodes and their pods made anew for each plan costs all pods of the
// cell. So the state is kept from changes (kube-scheduler's cache, Omega's
// shared state): one change touches one node. Pods that ask for the same are one
// shape (Borg's equivalence classes, section 3.4 of its paper), filtered once:
// a shape keeps a sample of nodes that fitted and what refused the others, and
// looks again only at nodes that changed. That no node fits is known of the
// whole shape, until a node changes that fits it: a thousand pods that wait cost
// one check for each changed node, and no record.
//
// What grows with what: a pod that waits or holds room, 300 bytes; a node, 500;
// a shape's sample, 2 bytes a node, for 256 shapes. A pod that arrives costs a
// sample (100 checks) at most, in a full cell each node once per shape.
//
// Promises: a placement names the node's registration, so the fold refuses it
// if the node registered anew; the fold also refuses what fits no more, so any
// number of schedulers may run. A refusal that the state explains is tried again
// at once; any other becomes pod.unschedulable, and waits as long as its number
// says: 1 s, doubled up to 5 min. So does what is told of a pod that can't be
// placed; a change that makes room is acted on at once.
//
// Pure. Read first: state.go, shape.go; then testdata/pods-spread-over-nodes.
package scheduler
