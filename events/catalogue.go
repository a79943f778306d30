package events

// Type says what happened, in the past tense. A fold version defines which
// types there are; it refuses others as malformed.
type Type string

const (
	CellCreated   Type = "cell.created"   // record 0: what the fold must know of the cell
	FoldActivated Type = "fold.activated" // from here on, records fold by another version

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

	// Written by schedulers: ours, or a foreign one's Binding.
	PodPlaced        Type = "pod.placed"
	PodUnschedulable Type = "pod.unschedulable" // no node fits; Reason says why

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

// IsReport tells whether t is a node's report about a pod.
func (t Type) IsReport() bool {
	switch t {
	case PodReported, SandboxCreated, SandboxFailed, SandboxRemoved, ImagePulled, ImageFailed, VolumeFailed,
		ContainerCreated, ContainerStarted, ContainerExited, ContainerKilled, ContainerBackOff, ProbeFailed, ProbeRecovered:
		return true
	}
	return false
}

// IsNode tells whether t speaks of a node itself.
func (t Type) IsNode() bool {
	return t == NodeRegistered || t == NodeLost || t == NodeReady || t == DataplaneRebuilt
}
