// Package feed is what node daemons and servers say to each other: the
// assignments and VIPs derived from the ledger, and the reports that nodes
// send back. Pure: values, their bytes, and the table a node keeps of them.
//
// A feed is repaired, not trusted. Every entry carries the ledger offset that
// it derives from, tombstones too; a consumer drops an entry older than what it
// has for that key. Marks say that all keys are as of their offset or newer. A
// node starts nothing before a mark that is not older than its registration.
//
// Assignments are keyed NAMESPACE/NAME/UID. The VIPs feed holds all that a
// node's dataplane knows of the cell, one entry per thing that changes by
// itself:
//
//	NAMESPACE/NAME         Service: address, ports, names; no endpoints
//	NAMESPACE/NAME/SLICE   Slice: the ready endpoints of at most 100, or Change:
//	                       what differs from the version it names
//	NODE                   Peer: another node and its pods' range
//
// The naive way is one entry per service with all its endpoints: then one pod
// of 5,000 that becomes ready sends 330 KB to each of 5,000 nodes. So a stream
// tells differences, about 80 bytes. A compacted topic can't: what a
// difference relates to may have been compacted away, so there a slice stands
// whole (at most some 3 KB). Versions are hashes of contents, not offsets, so
// that a node may go on at another server where it left the first.
//
// Over HTTP/2 with mutual TLS (a node's certificate names it system:node:NODE in
// group system:nodes); calls are JSON, streams are frames (see AppendFrame):
//
//	POST /cairn/v1/nodes/NODE/register                       NodeInfo -> Registration
//	POST /cairn/v1/nodes/NODE/heartbeat                      Heartbeat -> HeartbeatAnswer
//	GET  /cairn/v1/nodes/NODE/assignments?from=OFFSET        -> stream of AssignmentEntry
//	GET  /cairn/v1/nodes/NODE/vips?from=OFFSET               -> stream of VIPEntry
//	GET  /cairn/v1/nodes/NODE/pods/NS/NAME?uid=U&revision=R  -> Bundle
//	POST /cairn/v1/nodes/NODE/reports                        Report -> ReportAnswer
//
// Assignments start with every current entry of the node; VIPs do, after an
// entry Whole, or go on after the mark `from`. Then comes a mark, then what
// changes, with a mark at least every ten seconds. Errors are metav1.Status.
//
// Read first: vip.go, then table.go and its testdata.
package feed
