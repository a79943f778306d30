// Package nodehealth says which nodes are lost and which are back, and moves
// pods off those that stay away.
//
// In: nodes as the fold has them, how long each has been silent. Out:
// node.lost and node.ready records; requests that delete pods whose tolerations
// of the taint node.kubernetes.io/unreachable have run out, or that don't
// tolerate a NoExecute taint of their node.
//
// Observer counts silence. It is judged by this process's monotonic clock, and
// only time counts in which this process itself was in touch with the cell and
// awake: an observer that was cut off or paused blames no node for it.
//
// Promises: heartbeats are no records, only their transitions are. When more
// than a third of all nodes are lost together, no pod is moved: more likely the
// observer is at fault than they. Deleting a pod lets its workload replace it
// at once; the pod itself goes when its node confirms the stop.
//
// Not done: tolerationSeconds of taints that people set; such a pod stays.
//
// Pure; an Observer belongs to one goroutine.
//
// Read first: testdata/a-silent-node-is-lost-and-its-pods-move.
package nodehealth
