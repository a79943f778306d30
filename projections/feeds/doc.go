// Package feeds derives what node daemons follow, assignments and VIPs, from
// objects of a view, and encodes it.
//
// In: pods, nodes, services and endpoint slices as they become, and their ends.
// Out: entries of events/feed as frames: what a key says now (Pods, Network),
// and what a stream is told of it. The parts that have effects:
//
//	hub       streams them to any number of nodes, each change made once
//	emitter   writes them to compacted topics, and keeps those right
//
// The naive table keeps entries decoded, a service with all its endpoints in
// one. Then one endpoint costs what the service has: to derive, to compare, to
// encode, to send. Here an entry is what changes by itself (a header, a slice of
// at most a hundred endpoints, a node's range, a pod), and stands encoded, about
// 20 bytes an endpoint and 200 a pod. What is compared is decoded for it: 40 us
// for a full slice, however many there are.
//
// Promises: the same objects give the same entries, whoever derives them, which
// is what lets several emitters write one topic, and nodes change servers. An
// entry carries the offset of the newest change that it derives from, and is
// never older than the one before. A change that alters nothing for a node (a
// report, a label of a pod) gives none. A pod that was removed, stopped or placed
// elsewhere is gone; one that finished stays until it is removed, for its logs.
//
// Pure. Read first: testdata/a-vip-follows-its-endpoints, then
// testdata/a-pod-is-assigned-once-and-gone-when-it-stopped.
package feeds
