package lifecycle

import (
	"slices"
	"time"
)

// RestartPolicy says when a container that ended is started again.
type RestartPolicy string

// The policies of core/v1.
const (
	Always    RestartPolicy = "Always"
	OnFailure RestartPolicy = "OnFailure"
	Never     RestartPolicy = "Never"
)

// Spec is what the machine must know of a pod.
type Spec struct {
	Restart RestartPolicy
	Init    []Container
	Main    []Container
	Grace   time.Duration // between a stop and a kill
}

// Container is what the machine must know of a container.
type Container struct {
	Name      string
	Sidecar   bool // an init container that is restarted always
	Startup   bool // has a startup probe
	Readiness bool // has a readiness probe
}

// Phase is where a container stands.
type Phase string

// Phases. A container may be Starting for long: its image is pulled then.
const (
	Waiting  Phase = "waiting"
	Starting Phase = "starting"
	Running  Phase = "running"
	Stopping Phase = "stopping" // asked to end, still running
	Exited   Phase = "exited"
)

// Exit is how a container's process ended.
type Exit struct {
	Known    bool
	Code     int
	Signal   int
	Reason   string // OOMKilled, Error, Completed, ContainerStatusUnknown, ...
	Message  string
	Started  time.Time
	Finished time.Time
	Asked    string // why it was asked to end (Stop...); empty: it ended by itself
}

// ContainerState is what happened to a container so far.
//
// Invariant: Restarts counts the starts after the first; it never falls.
type ContainerState struct {
	Phase    Phase
	ID       string // of the current or last process
	Image    string // the image's ID
	Restarts int
	Started  time.Time
	Passed   bool // its startup probe has passed, or it has none
	Ready    bool

	Exit    *Exit     `json:",omitempty"` // of the last process, while Exited
	Last    *Exit     `json:",omitempty"` // of the one before
	Runs    int       // starts so far
	Crashes int       // ends since it last ran for long
	Fails   int       // failures to start it, since it last started
	Retry   time.Time // not started before

	Reason, Message string         // why it waits
	Unwell          *time.Duration `json:",omitempty"` // to be stopped for its health, with this grace
	Changed         bool           `json:",omitempty"` // to be stopped for its new image
	StopReason      string         // why it is being stopped
	KillAt          time.Time      // while Stopping
	Killed          bool
}

// SandboxPhase is where a pod's sandbox stands.
type SandboxPhase string

// Phases of a sandbox.
const (
	SandboxNone   SandboxPhase = ""
	SandboxMaking SandboxPhase = "making"
	SandboxReady  SandboxPhase = "ready"
	SandboxLost   SandboxPhase = "lost" // its namespaces are gone
	SandboxEnding SandboxPhase = "ending"
	SandboxEnded  SandboxPhase = "ended" // the pod has ended, or is removed
)

// State is all that a Machine remembers.
type State struct {
	Sandbox    SandboxPhase
	Retry      time.Time // of the sandbox, after a failure
	Fails      int       // to make the sandbox, since it last worked
	Reason     string    // why there is no sandbox yet
	Message    string
	Deleting   bool
	Grace      time.Duration // with Deleting
	Ending     bool          // the cell ends, or ended: nothing is started
	Limit      time.Duration // with Ending: the most that a stop may take
	Made       time.Time     // the sandbox, last
	Losses     int           // of sandboxes that did not last, in a row
	Refused    string        // why this node will never run it
	Removed    bool
	Known      Outcome `json:",omitempty"` // of a pod that was over before this machine knew it
	Heard      bool    // the sandbox's end is on record
	Reporting  bool    `json:"-"` // it is being reported
	Containers map[string]*ContainerState
}

// Machine is one pod's.
type Machine struct {
	Spec  Spec
	State State
}

// New returns the machine of a pod of which nothing happened yet.
func New(s Spec) *Machine { return Resume(s, State{}) }

// Resume returns a machine that goes on from an earlier one's state. What was
// being done to the sandbox when the earlier one ended is done again.
func Resume(s Spec, st State) *Machine {
	switch st.Sandbox {
	case SandboxMaking:
		st.Sandbox = SandboxNone
	case SandboxEnding:
		st.Sandbox = SandboxReady
	}
	if st.Containers == nil {
		st.Containers = map[string]*ContainerState{}
	}
	for _, c := range slices.Concat(s.Init, s.Main) {
		if st.Containers[c.Name] == nil {
			st.Containers[c.Name] = &ContainerState{Phase: Waiting}
		}
	}
	return &Machine{Spec: s, State: st}
}

// Container gives what is asked of the container of that name.
func (m *Machine) Container(name string) (Container, bool) {
	for _, c := range slices.Concat(m.Spec.Init, m.Spec.Main) {
		if c.Name == name {
			return c, true
		}
	}
	return Container{}, false
}

func (m *Machine) isInit(name string) bool {
	return slices.ContainsFunc(m.Spec.Init, func(c Container) bool { return c.Name == name })
}

// policy of a container: sidecars always, init containers as the pod says but
// never again after a success.
func (m *Machine) policy(c Container) RestartPolicy {
	switch {
	case c.Sidecar:
		return Always
	case m.isInit(c.Name) && m.Spec.Restart == Always:
		return OnFailure
	}
	return m.Spec.Restart
}

// over reports whether the container has ended for good. What was ended for its
// new image never has; what the cell's end cut short has not succeeded.
func (m *Machine) over(c Container) bool {
	s := m.State.Containers[c.Name]
	if s.Phase != Exited || s.Exit == nil || s.Exit.Asked == StopChanged {
		return false
	}
	switch m.policy(c) {
	case Never:
		return true
	case OnFailure:
		return s.Exit.Succeeded()
	}
	return false
}

func (m *Machine) failed(c Container) bool {
	return m.over(c) && !m.State.Containers[c.Name].Exit.Succeeded()
}

// Succeeded reports whether the process came to its own good end.
func (e *Exit) Succeeded() bool { return e.Known && e.Code == 0 && e.Asked != StopCell }

// Outcome is a pod's phase in Kubernetes' sense.
type Outcome string

// Outcomes.
const (
	PodPending   Outcome = "Pending"
	PodRunning   Outcome = "Running"
	PodSucceeded Outcome = "Succeeded"
	PodFailed    Outcome = "Failed"
)

// Outcome says where the pod stands as a whole.
func (m *Machine) Outcome() Outcome {
	if m.State.Refused != "" {
		return PodFailed
	}
	if m.State.Known != "" {
		return m.State.Known
	}
	for _, c := range m.Spec.Init {
		if !c.Sidecar && m.failed(c) {
			return PodFailed
		}
	}
	started, over, failed := false, true, false
	for _, c := range m.Spec.Main {
		s := m.State.Containers[c.Name]
		started = started || s.Runs > 0
		over = over && m.over(c)
		failed = failed || m.failed(c)
	}
	switch {
	case over && failed:
		return PodFailed
	case over:
		return PodSucceeded
	case started:
		return PodRunning
	}
	return PodPending
}

// Ended reports whether no container of the pod will ever run again.
func (m *Machine) Ended() bool {
	o := m.Outcome()
	return o == PodSucceeded || o == PodFailed
}

// Alive reports whether a container has a process, or may get one any moment.
func (s *ContainerState) Alive() bool {
	return s.Phase == Running || s.Phase == Stopping || s.Phase == Starting
}
