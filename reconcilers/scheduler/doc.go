// Package scheduler gives each pod a node.
//
// In: pods without a node, nodes with their allocatable resources, taints,
// health and what the fold says is requested of them already. Out: pod.placed
// records, one batch per plan, and pod.unschedulable where no node fits and the
// reason is another than the one on record.
//
// Filters, in Kubernetes' terms: node ready and not lost, schedulable, taints
// tolerated, node selector, resources and pod count, host ports. A pod that
// names its node itself is only checked for fit, as a kubelet would. Score:
// the node with the most left, and first of all the one with the fewest pods
// of the same workload. Equal scores go by a hash of pod and node, so that
// several schedulers at once rarely disagree, and one never favours a node.
//
// Promises: a placement names the node's registration, so the fold refuses it
// if the node registered anew; the fold also refuses what fits no more, so any
// number of schedulers may run. Pods that ask for the same form a class, which
// is filtered once per plan; of many nodes a sample is scored (Borg, 3.4).
//
// Pure.
//
// Read first: testdata/pods-spread-over-nodes.
package scheduler
