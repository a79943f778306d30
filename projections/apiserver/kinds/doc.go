// Package kinds knows the kinds that are served: what the fold must know of
// each (facts), which of its fields the fold owns (laid over the stored object
// on the way out, taken back on the way in), and which are rendered whole.
// One file per API group; served.go is the table.
//
// In: versioned Kubernetes objects (k8s.io/api) and view.Objects.
// Out: events.Facts, rendered objects, refusals of what Cairn does not do yet.
//
// Promises: facts are normalised (sorted, without duplicates), so equal
// objects have equal facts. Each field has one owner: what Lay writes, Keep
// takes back before anything is compared or stored. Lay never changes what it
// shares with the cache: it replaces slices and maps, or copies them first.
//
// A kind is in the table once something makes it work; what a manifest asks
// for and nobody does yet is named by Unsupported, never dropped silently.
//
// Pure: no I/O, no goroutine. Does not import k8s.io/kubernetes.
//
// Read first: served.go, then core_pod.go; kinds_test.go shows each rule.
package kinds
