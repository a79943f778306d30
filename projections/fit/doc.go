// Package fit decides whether a node can take a pod. Scheduler and fold call
// the same function: what the scheduler picks on a state, the fold accepts on
// that state.
//
// In: a pod's facts and a node as it stands, with what its pods hold. Out: a
// Refusal: a code with an argument, or none.
//
// The filters, in Kubernetes' terms: the node is registered, ready and not
// being deleted; schedulable, or its cordon tolerated; its NoSchedule and
// NoExecute taints tolerated; the node selector matches; host ports are free;
// pod count and requests fit. A pod that names its node itself is checked for
// health, ports and room only, as a kubelet would.
//
// The naive way is a filter in the scheduler and a check in the fold. Two
// copies of one rule part at the first case that only one of them knows: a pod
// that tolerates everything was put on a cordoned node and refused, for ever.
//
// Promises: deterministic, integers only; part of what a gate freezes, so a
// change of an answer needs a gate (events.Gate).
//
// Pure. Read first: fit.go, then testdata/filters-in-their-order.
package fit
