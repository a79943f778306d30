package fold

// Reason says why, within a Code, a record was refused. Reasons are stored and
// hashed with their arguments; projections/message makes the sentence, so that
// a word can be changed without touching what a ledger folds to.
//
// Invariant: append only. Those up to noServer belong to events.GateFirst; one
// added later is given only where its gate is active.
type Reason uint16

const (
	NoReason Reason = iota

	// With Malformed.
	Unreadable // not a record, or one that the active gate does not define
	BaseAhead  // its base lies ahead of it
	NoCell     // a ledger starts with cell.created
	BadCell    // record 0 does not describe a cell
	Incomplete // Args: the type; it lacks what its type asks for

	// With Fault, Expired.
	OnceFaulted // a binary once failed on this record
	TooLate     // Args: W

	// With Exists.
	CellExists   // Args: the cell
	ObjectExists // Args: the object
	OwnEndpoints // Args: the Endpoints that the service's would replace

	// With NotFound.
	NoObject    // Args: the object
	NoNamespace // Args: the namespace
	PodGone     // Args: namespace, name

	// With Moved.
	OtherUID      // Args: the object
	OtherRevision // Args: the object, its revision, the one named
	AlreadyLost   // Args: the node
	AlreadyReady  // Args: the node
	NotRegistered // Args: the node or server

	// With Invalid.
	Rendered       // Args: the object; it is made from another, and can't be written
	NoReturn       // a deletion can't be taken back
	NotInRange     // Args: address, range
	AddressTaken   // Args: address, owner
	NoAddress      // Args: range
	PortNotInRange // Args: low, high
	PortTaken      // Args: port
	NoPort         // no node port is free
	HasFinalizers  // Args: the object, its first finalizer

	// With Terminating, Quota, NotEmpty.
	NamespaceEnding // Args: the namespace
	NoPodRange      // Args: range, node
	NamespaceHolds  // Args: the namespace, how many objects

	// With Unplaceable.
	AlreadyPlaced // Args: pod, node
	PodDeleting   // Args: pod
	NodeGone      // Args: node
	Reregistered  // Args: node; it registered anew since
	DoesNotFit    // Args: node, fit.Reason's number, its argument
	NoPodAddress  // Args: node

	// With Fenced.
	OtherEpoch        // Args: pod, the epoch it speaks of, the pod's
	OtherNode         // Args: pod, its node
	OtherRegistration // Args: node
	SandboxGone       // Args: pod

	// With Unsupported.
	GateNotAbove  // Args: the gate, the active one
	GateUnknownTo // Args: the gate, a server, up to which it knows
	NoServer      // Args: the gate; no server is registered
)

var reasonNames = [...]string{NoReason: "", Unreadable: "unreadable", BaseAhead: "base-ahead", NoCell: "no-cell", BadCell: "bad-cell",
	Incomplete: "incomplete", OnceFaulted: "once-faulted", TooLate: "too-late", CellExists: "cell-exists", ObjectExists: "object-exists",
	OwnEndpoints: "own-endpoints", NoObject: "no-object", NoNamespace: "no-namespace", PodGone: "pod-gone", OtherUID: "other-uid",
	OtherRevision: "other-revision", AlreadyLost: "already-lost", AlreadyReady: "already-ready", NotRegistered: "not-registered",
	Rendered: "rendered", NoReturn: "no-return", NotInRange: "not-in-range", AddressTaken: "address-taken", NoAddress: "no-address",
	PortNotInRange: "port-not-in-range", PortTaken: "port-taken", NoPort: "no-port", HasFinalizers: "has-finalizers",
	NamespaceEnding: "namespace-ending", NoPodRange: "no-pod-range", NamespaceHolds: "namespace-holds", AlreadyPlaced: "already-placed",
	PodDeleting: "pod-deleting", NodeGone: "node-gone", Reregistered: "reregistered", DoesNotFit: "does-not-fit",
	NoPodAddress: "no-pod-address", OtherEpoch: "other-epoch", OtherNode: "other-node", OtherRegistration: "other-registration",
	SandboxGone: "sandbox-gone", GateNotAbove: "gate-not-above", GateUnknownTo: "gate-unknown-to", NoServer: "no-server"}

// String is the reason's name, for machines: stable, as its number is.
func (r Reason) String() string {
	if int(r) < len(reasonNames) {
		return reasonNames[r]
	}
	return "unknown"
}

// Reasons is how many there are, for tests that want to see each.
const Reasons = int(NoServer) + 1
