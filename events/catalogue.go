package events

import (
	"maps"
	"slices"
)

// Type says what happened, in the past tense. A gate defines which types there
// are; a type above the active gate is malformed.
type Type string

const (
	CellCreated   Type = "cell.created"   // record 0: what the fold must know of the cell
	FoldActivated Type = "fold.activated" // from the next record on, a higher gate is the active one

	// Written by API servers about themselves; the subject is a Servers ref.
	ServerRegistered Type = "server.registered" // a server runs, and says up to which gate it knows
	ServerLeft       Type = "server.left"       // it ended, or somebody says that it will not return

	// Written by API servers for any kind.
	ObjectCreated     Type = "object.created"
	ObjectUpdated     Type = "object.updated"     // metadata or spec; status may come with it
	StatusUpdated     Type = "status.updated"     // status alone
	DeletionRequested Type = "deletion.requested" // deletion time set; finalizers or a node still hold it
	ObjectDeleted     Type = "object.deleted"     // gone
	PodEvicted        Type = "pod.evicted"        // as deletion.requested, but a disruption budget must allow it
	RequestRefused    Type = "request.refused"    // refused before it became a record: denials, conflicts
	PastRead          Type = "past.read"
	SessionOpened     Type = "session.opened" // exec, attach, port-forward: who entered which pod, and with which command
	SessionClosed     Type = "session.closed" // its end; Cause names the session.opened

	// Written by schedulers: ours, or a foreign one's Binding.
	PodPlaced        Type = "pod.placed"
	PodUnschedulable Type = "pod.unschedulable" // no node fits; Facts.Decision says why

	// Written by node health.
	NodeRegistered Type = "node.registered" // a daemon started: a new registration
	NodeLost       Type = "node.lost"
	NodeReady      Type = "node.ready"

	// Reported by nodes; all carry Facts.Report.
	PodReported      Type = "pod.reported" // status alone
	SandboxCreated   Type = "sandbox.created"
	SandboxFailed    Type = "sandbox.failed"
	SandboxRemoved   Type = "sandbox.removed" // nothing of that epoch runs any more
	ImagePulled      Type = "image.pulled"
	ImageFailed      Type = "image.failed"
	VolumeFailed     Type = "volume.failed"
	ContainerCreated Type = "container.created"
	ContainerStarted Type = "container.started"
	ContainerExited  Type = "container.exited"
	ContainerKilled  Type = "container.killed" // asked to stop, with the reason
	ContainerBackOff Type = "container.backoff"
	ProbeFailed      Type = "probe.failed"
	ProbeRecovered   Type = "probe.recovered"
	DataplaneRebuilt Type = "dataplane.rebuilt" // subject: the node; a flushed table or lost route was put back
)

// IsReport reports whether t is a node's report about a pod.
func (t Type) IsReport() bool {
	switch t {
	case PodReported, SandboxCreated, SandboxFailed, SandboxRemoved, ImagePulled, ImageFailed, VolumeFailed,
		ContainerCreated, ContainerStarted, ContainerExited, ContainerKilled, ContainerBackOff, ProbeFailed, ProbeRecovered:
		return true
	}
	return false
}

// IsNode reports whether t speaks of a node itself.
func (t Type) IsNode() bool {
	return t == NodeRegistered || t == NodeLost || t == NodeReady || t == DataplaneRebuilt
}

// gates gives the gate of every type.
var gates = map[Type]Gate{
	CellCreated: GateFirst, FoldActivated: GateFirst, ServerRegistered: GateFirst, ServerLeft: GateFirst,
	ObjectCreated: GateFirst, ObjectUpdated: GateFirst, StatusUpdated: GateFirst, DeletionRequested: GateFirst,
	ObjectDeleted: GateFirst, PodEvicted: GateFirst, RequestRefused: GateFirst, PastRead: GateFirst,
	SessionOpened: GateFirst, SessionClosed: GateSessionEnds,
	PodPlaced: GateFirst, PodUnschedulable: GateFirst,
	NodeRegistered: GateFirst, NodeLost: GateFirst, NodeReady: GateFirst, DataplaneRebuilt: GateFirst,
	PodReported: GateFirst, SandboxCreated: GateFirst, SandboxFailed: GateFirst, SandboxRemoved: GateFirst,
	ImagePulled: GateFirst, ImageFailed: GateFirst, VolumeFailed: GateFirst,
	ContainerCreated: GateFirst, ContainerStarted: GateFirst, ContainerExited: GateFirst, ContainerKilled: GateFirst,
	ContainerBackOff: GateFirst, ProbeFailed: GateFirst, ProbeRecovered: GateFirst,
}

// Gate is the gate that defines t; 0 where none does that this binary knows.
func (t Type) Gate() Gate { return gates[t] }

// Types lists every type that this binary knows, in the order of their names.
func Types() []Type { return slices.Sorted(maps.Keys(gates)) }
