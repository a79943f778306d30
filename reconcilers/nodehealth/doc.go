// Package nodehealth says which nodes are lost and which are back, and moves
// pods off those that stay away.
//
// In: nodes as the fold has them, how long each has been silent. Out:
// node.lost and node.ready records; requests that delete pods whose tolerations
// of the taint node.kubernetes.io/unreachable have run out, or that don't
// tolerate a NoExecute taint of their node.
//
// Silence is counted by an observer outside (the API server hears heartbeats),
// by a monotonic clock, and only while this process itself was in touch with
// the ledger and awake (the engine sees to that): an observer that was cut off
// blames no node for it. A node is back only once it was really heard.
//
// Promises: heartbeats are no records, only their transitions are. When more
// than a third of all nodes are lost together, no pod is moved: more likely the
// observer is at fault than they. Deleting a pod lets its workload replace it
// at once; the pod itself goes when its node confirms the stop.
//
// Not done: tolerationSeconds of taints that people set; such a pod stays.
//
// Pure.
//
// Read first: testdata/a-silent-node-is-lost-and-its-pods-move.
package nodehealth
