// Package kinds is what Cairn knows of each kind, in one entry per kind: what
// the fold must know of it (facts), which of its fields the fold owns (rendered
// into the stored object on the way out, stripped on the way in), what is
// rendered though nothing is stored, what is refused by name, and whose each
// part of its life is. One file per API group or kind.
//
// In: versioned Kubernetes objects (k8s.io/api), view.Objects, a Reader for
// what is rendered from other objects. Out: events.Facts, rendered objects,
// refusals of what Cairn does not do yet.
//
// Kinds are looked up while a cell runs, through Registry: Builtin is the table
// of those that Cairn serves by itself; kinds that users define will come from
// the view behind the same interface.
//
// Promises: facts are normalised (sorted, without duplicates), so equal
// objects have equal facts. Each field has one owner: what Render writes of the
// fold's, Strip takes out before anything is compared or stored, and Life names.
// A workload's template keeps its name while it means the same, whatever
// library wrote it (template.go). What a node says is stored as a message of
// ours, and what others write of a status stays beside it (core_pod_status.go).
// What a manifest asks for and nobody does yet is named by Unsupported, never
// dropped silently.
//
// Pure: no I/O, no goroutine, no clock. Does not import k8s.io/kubernetes, so
// that history and test worlds may have it.
//
// Read first: kind.go, then core_pod.go; life_test.go shows the rule of owners.
package kinds
