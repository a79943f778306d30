package events

import "cairn/events/wire"

// StatusEncoding is Part.Encoding of a Status part that holds a PodStatus or a
// NodeStatus: what nodes say of pods and of themselves is a message of ours,
// so that no upgrade of a library changes its bytes. Readers render it.
const StatusEncoding = "application/vnd.cairn.status"

// PodStatus is what a node says of a pod. Phase, readiness and addresses are
// not in it: those are facts and the fold's.
type PodStatus struct {
	Reason, Message string
	Started         int64 // when the node took the pod on, Unix seconds; 0: not yet
	QOSClass        string
	Init            []ContainerStatus
	Containers      []ContainerStatus
	Conditions      []Condition
	// Foreign is what others wrote of the status (readiness gates, resize...),
	// as Kubernetes' JSON of a v1.PodStatus with only that in it; empty: nothing.
	Foreign []byte
}

// ContainerStatus as in core/v1.
type ContainerStatus struct {
	Name, ID, Image, ImageID string
	Restarts                 uint64
	Ready                    bool
	Started                  bool
	State                    ContainerState
	Last                     *ContainerState // the run before; terminated
}

// Which of a container's three states it is in.
const (
	StateWaiting    uint64 = 0
	StateRunning    uint64 = 1
	StateTerminated uint64 = 2
)

// ContainerState is one of waiting, running and terminated.
type ContainerState struct {
	Is              uint64
	Reason, Message string
	ExitCode        int64
	Signal          int64
	Started         int64 // Unix seconds
	Finished        int64
	ID              string // of the container that ended
}

// Condition as in core/v1; Since is Unix seconds.
type Condition struct {
	Type, Reason, Message string
	Status                string // True, False, Unknown
	Since                 int64
}

// NodeStatus is what a node says of its machine when its daemon starts.
type NodeStatus struct {
	Capacity    Resources
	Allocatable Resources
	Addresses   []Pair // type, address
	Streaming   uint64 // port of its streaming server
	BootID      string
	MachineID   string
	Kernel      string
	OSImage     string
	Runtime     string // runc://1.4.0
	Version     string // cairn's
	OS, Arch    string
	Conditions  []Condition
	Foreign     []byte // as in PodStatus, of a v1.NodeStatus
}

// EncodeStatus gives the Status part that holds m, a *PodStatus or *NodeStatus.
func EncodeStatus(m wire.Message) Part {
	return Part{Column: Status, Encoding: StatusEncoding, APIVersion: "v1", Data: wire.Encode(m)}
}

// DecodeStatus reads a part's data into m; errors wrap ErrMalformed.
func DecodeStatus(data []byte, m wire.Message) error { return wire.Decode(data, m) }

func (s *PodStatus) Fields(w *wire.Codec) {
	w.Str(1, &s.Reason)
	w.Str(2, &s.Message)
	w.Int(3, &s.Started)
	w.Str(4, &s.QOSClass)
	wire.Repeated(w, 5, &s.Init)
	wire.Repeated(w, 6, &s.Containers)
	wire.Repeated(w, 7, &s.Conditions)
	w.Bytes(8, &s.Foreign)
}

func (s *ContainerStatus) Fields(w *wire.Codec) {
	w.Str(1, &s.Name)
	w.Str(2, &s.ID)
	w.Str(3, &s.Image)
	w.Str(4, &s.ImageID)
	w.Uint(5, &s.Restarts)
	w.Bool(6, &s.Ready)
	w.Bool(7, &s.Started)
	wire.Inline(w, 8, &s.State)
	wire.Optional(w, 9, &s.Last)
}

func (s *ContainerState) Fields(w *wire.Codec) {
	w.Uint(1, &s.Is)
	w.Str(2, &s.Reason)
	w.Str(3, &s.Message)
	w.Int(4, &s.ExitCode)
	w.Int(5, &s.Signal)
	w.Int(6, &s.Started)
	w.Int(7, &s.Finished)
	w.Str(8, &s.ID)
}

func (c *Condition) Fields(w *wire.Codec) {
	w.Str(1, &c.Type)
	w.Str(2, &c.Reason)
	w.Str(3, &c.Message)
	w.Str(4, &c.Status)
	w.Int(5, &c.Since)
}

func (s *NodeStatus) Fields(w *wire.Codec) {
	wire.Inline(w, 1, &s.Capacity)
	wire.Inline(w, 2, &s.Allocatable)
	wire.Repeated(w, 3, &s.Addresses)
	w.Uint(4, &s.Streaming)
	w.Str(5, &s.BootID)
	w.Str(6, &s.MachineID)
	w.Str(7, &s.Kernel)
	w.Str(8, &s.OSImage)
	w.Str(9, &s.Runtime)
	w.Str(10, &s.Version)
	w.Str(11, &s.OS)
	w.Str(12, &s.Arch)
	wire.Repeated(w, 13, &s.Conditions)
	w.Bytes(14, &s.Foreign)
}
