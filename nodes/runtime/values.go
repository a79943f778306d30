package runtime

import (
	"io"
	"strconv"

	corev1 "k8s.io/api/core/v1"

	"cairn/events"
	"cairn/nodes/lifecycle"
)

// ID is who a pod is.
type ID struct{ Namespace, Name, UID string }

// Container is the ID of a run's container.
func (id ID) Container(r Run) string { return id.UID + "-" + r.String() }

// Run is the N-th run of a container, from 0.
type Run struct {
	Container string
	N         int
}

func (r Run) String() string { return r.Container + "-" + strconv.Itoa(r.N) }

// Sandbox names a pod's sandbox on its machine.
//
// Invariant: Pid is the sandbox's first process only if it started at Started,
// in the machine's own ticks: pids are used again.
type Sandbox struct {
	Pid     int
	Started uint64
}

// NetworkNamespace is the path of the sandbox's network.
func (s Sandbox) NetworkNamespace() string { return "/proc/" + strconv.Itoa(s.Pid) + "/ns/net" }

// Found is what an earlier daemon left running of a pod.
type Found struct {
	Sandbox Sandbox // zero: none was made
	Exit    *lifecycle.Exit
	Runs    map[Run]Process // all that were asked for
}

// Process is a run that an earlier daemon left: it runs (Began, no Exit), has
// ended (Exit), or was never started.
type Process struct {
	Began bool
	Image string // the image's ID, where it is known
	Exit  *lifecycle.Exit
}

// Started is a run that was started.
type Started struct {
	Image      string // the image's ID
	Pulled     bool   // just now
	StopSignal string // the image's; empty: SIGTERM
}

// Keep says what the end of a sandbox leaves.
type Keep int

// What is kept.
const (
	KeepNothing Keep = iota // of a pod that is deleted
	KeepLogs                // of one whose containers have ended for good
	KeepData                // at the end of the cell: emptyDir volumes and logs
)

// Objects are a pod and all that it names. They are never changed, only
// replaced, so goroutines may share them; they are never written down.
type Objects struct {
	Pod         *corev1.Pod
	ConfigMaps  map[string]*corev1.ConfigMap
	Secrets     map[string]*corev1.Secret
	ServiceEnv  map[string]string
	Token, CA   string
	PullSecrets [][]byte            // dockerconfigjson
	Node        corev1.ResourceList // what the node offers
}

// Failure is an error with what Kubernetes calls its reason, and the type of
// the report that says so.
type Failure struct {
	Reason string
	Report events.Type
	Err    error
}

func (f *Failure) Error() string { return f.Err.Error() }
func (f *Failure) Unwrap() error { return f.Err }

// Streams are a client's ends of a process. Nil is /dev/null.
type Streams struct {
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	TTY            bool
	Resize         <-chan Size
}

// Size of a terminal, in characters.
type Size struct{ Width, Height uint16 }
