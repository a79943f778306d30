package runtime

import (
	"context"
	"errors"
	"net"
	"syscall"

	"cairn/nodes/lifecycle"
)

// Runtime is a machine that runs pods.
type Runtime interface {
	// Version is as Kubernetes shows it: runc://1.1.5.
	Version(ctx context.Context) (string, error)
	// Pods names (by uid) the pods of which there are notes.
	Pods() ([]string, error)
	// Pod gives access to a pod. Nothing is made by it.
	Pod(id ID) Pod
	// Clear takes away what belongs to the node and to no pod, at the end of
	// the cell, when no pod runs any more.
	Clear() error
}

// ErrGone says that nobody looks after a pod's processes any more: they may
// still run, and the codes of those that end are lost.
var ErrGone = errors.New("nobody looks after the pod's processes")

// Pod is one pod on its machine.
type Pod interface {
	Sandboxes
	Containers
	Sessions
	Notes
}

// Sandboxes is what can be asked for of a pod's sandbox.
type Sandboxes interface {
	// MakeSandbox makes namespaces, volumes and the files that the containers
	// share, or finds those that are there. dns is the cell's server; empty:
	// none. What it returns beside an error was made all the same.
	MakeSandbox(ctx context.Context, o *Objects, dns string) (Sandbox, error)
	// Find says what an earlier daemon left running: of the sandbox, and of
	// each of these runs. ErrGone where nobody looks after them.
	Find(ctx context.Context, runs []Run) (Found, error)
	// Update brings volumes made of objects up to date.
	Update(o *Objects) error
	// Kill ends every process of the pod and says how these runs ended, as far
	// as anybody knows.
	Kill(ctx context.Context, s Sandbox, runs []Run) map[Run]lifecycle.Exit
	// End takes away all of the pod but what is to be kept, and its notes.
	End(ctx context.Context, s Sandbox, keep Keep) error
}

// Containers is what can be asked for of a pod's containers.
type Containers interface {
	// Start pulls the image where that is wanted, makes the run and starts it,
	// in place of what a crash may have left of this very run. A ctx that ends
	// before the run is made stops it, later it does not. Errors are *Failure
	// where there is a reason.
	Start(ctx context.Context, s Sandbox, r Run, o *Objects) (Started, error)
	// Signal sends a signal to the run's first process; SIGKILL to them all.
	Signal(ctx context.Context, r Run, sig syscall.Signal) error
	// Wait returns when the run's first process has ended; that of the sandbox
	// for the zero Run. ErrGone where nobody knows.
	Wait(ctx context.Context, r Run) (lifecycle.Exit, error)
	// Clean takes away all that is left of a run but its log.
	Clean(ctx context.Context, r Run) error
}

// Sessions is what people and probes ask of what runs.
type Sessions interface {
	// Exec runs a command in the container; its exit code.
	Exec(ctx context.Context, r Run, command []string, s Streams) (int, error)
	// Attach joins the streams of the run's first process until that ends.
	Attach(ctx context.Context, r Run, s Streams) error
	// Dial connects from the sandbox's network; from the machine's for the
	// zero Sandbox.
	Dial(ctx context.Context, s Sandbox, network, address string) (net.Conn, error)
	// LogPath names the file of the run's log, in the format of nodes/crilog.
	LogPath(r Run) string
}

// Notes is what a daemon must know of a pod when it starts again.
//
// Invariant: they outlive the pod's end, until Forget.
type Notes interface {
	Save(notes []byte) error
	Load() ([]byte, error)
	Forget() error
}
