// Package feed is what node daemons and servers say to each other: the
// assignments and VIPs derived from the ledger, and the reports that nodes
// send back. Pure: values only.
//
// A feed is repaired, not trusted. Every entry carries the ledger offset that
// it derives from, tombstones too; a consumer drops an entry older than what it
// has for that key. "Verified through OFFSET" marks say that all keys are as
// of that offset or newer. A node starts nothing before it has read a mark
// that is not older than its registration.
//
// Over HTTP/2 with mutual TLS (a server serves, a node's certificate names it
// system:node:NODE in group system:nodes); bodies are JSON, streams are JSON
// lines that end when the connection does:
//
//	POST /cairn/v1/nodes/NODE/register                       NodeInfo -> Registration
//	POST /cairn/v1/nodes/NODE/heartbeat                      Heartbeat -> HeartbeatAnswer
//	GET  /cairn/v1/nodes/NODE/assignments?from=OFFSET        -> stream of AssignmentEntry
//	GET  /cairn/v1/nodes/NODE/vips?from=OFFSET               -> stream of VIPEntry
//	GET  /cairn/v1/nodes/NODE/pods/NS/NAME?uid=U&revision=R  -> Bundle
//	POST /cairn/v1/nodes/NODE/reports                        Report -> ReportAnswer
//
// A stream starts with every current entry, then a mark, then what changes,
// with a mark at least every ten seconds. Errors are Kubernetes' metav1.Status
// in JSON with the fitting HTTP status.
package feed
