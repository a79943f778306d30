package lifecycle

import (
	"slices"
	"time"
)

// Do says what an action does.
type Do string

// The actions. Each is answered by an event.
const (
	MakeSandbox Do = "make sandbox" // SandboxMade or SandboxFailed
	EndSandbox  Do = "end sandbox"  // SandboxStopped; logs stay
	Start       Do = "start"        // Started or StartFailed
	Stop        Do = "stop"         // ask it to end; Exited
	Kill        Do = "kill"         // Exited
	Remove      Do = "remove"       // Removed: nothing of the pod is left

	ReportRemoved Do = "report removed" // that the sandbox has ended: Heard or Unheard
)

// Action is one thing to do now.
type Action struct {
	Do        Do
	Container string
	Reason    string        // of a stop
	Grace     time.Duration // of a stop
}

// Back-off of restarts, image pulls and sandboxes (as the kubelet's).
const (
	firstDelay = 10 * time.Second
	lastDelay  = 5 * time.Minute
	forgiven   = 10 * time.Minute // of running clears the back-off
	killAgain  = 5 * time.Second
)

// Next says what to do now, and when to ask again if nothing happens before
// (zero: only after the next event). What it returns counts as begun.
func (m *Machine) Next(now time.Time) (acts []Action, wake time.Time) {
	n := &step{m: m, now: now}
	n.overdue()
	switch {
	case m.State.Removed:
		n.reportRemoved()
	case m.State.Deleting:
		n.windDown(StopDeleted, Remove)
	case m.State.Ending:
		if m.State.Sandbox != SandboxEnded {
			n.windDown(StopCell, EndSandbox)
		}
	case m.Ended():
		// A pod that is over keeps neither sandbox nor address, only its logs
		// and its place in the feed, until it is deleted.
		if m.State.Sandbox != SandboxEnded {
			n.windDown(StopPodEnded, EndSandbox)
		} else {
			n.reportRemoved()
		}
	case m.State.Sandbox == SandboxLost:
		n.clearLost()
	case m.State.Sandbox == SandboxNone:
		if n.due(m.State.Retry) {
			m.State.Sandbox = SandboxMaking
			n.do(Action{Do: MakeSandbox})
		}
	case m.State.Sandbox == SandboxReady:
		n.stopUnwell()
		n.startContainers()
	}
	return n.acts, n.wake
}

type step struct {
	m    *Machine
	now  time.Time
	acts []Action
	wake time.Time
}

func (n *step) do(a Action) { n.acts = append(n.acts, a) }

// due reports whether t has come; else the machine wants to be asked again then.
func (n *step) due(t time.Time) bool {
	if !t.After(n.now) {
		return true
	}
	if n.wake.IsZero() || t.Before(n.wake) {
		n.wake = t
	}
	return false
}

// overdue kills what was asked to end and did not.
func (n *step) overdue() {
	for _, c := range slices.Concat(n.m.Spec.Main, n.m.Spec.Init) {
		s := n.m.State.Containers[c.Name]
		if s.Phase == Stopping && n.due(s.KillAt) {
			s.Killed = true
			s.KillAt = n.now.Add(killAgain)
			n.due(s.KillAt)
			n.do(Action{Do: Kill, Container: c.Name})
		}
	}
}

func (n *step) stop(c Container, reason string, grace time.Duration) {
	s := n.m.State.Containers[c.Name]
	if s.Phase != Running {
		return
	}
	s.Phase, s.StopReason, s.KillAt, s.Killed = Stopping, reason, n.now.Add(grace), false
	n.do(Action{Do: Stop, Container: c.Name, Reason: reason, Grace: grace})
	n.due(s.KillAt)
}

func (n *step) stopUnwell() {
	for _, c := range slices.Concat(n.m.Spec.Main, n.m.Spec.Init) {
		if s := n.m.State.Containers[c.Name]; s.Unwell != nil {
			n.stop(c, StopUnhealthy, *s.Unwell)
			s.Unwell = nil
		}
		if s := n.m.State.Containers[c.Name]; s.Changed && s.Phase == Running {
			n.stop(c, StopChanged, n.m.Spec.Grace)
			s.Changed = false
		}
	}
}

// windDown ends the containers, the sidecars after the others, and then does
// the last action once.
func (n *step) windDown(reason string, last Do) {
	grace := n.m.Spec.Grace
	if n.m.State.Deleting {
		grace = n.m.State.Grace
	}
	if n.m.State.Ending {
		grace = min(grace, n.m.State.Limit)
	}
	alive := false
	for _, c := range slices.Concat(n.m.Spec.Main, n.m.Spec.Init) {
		if c.Sidecar {
			continue
		}
		n.stop(c, reason, grace)
		alive = alive || n.m.State.Containers[c.Name].Alive()
	}
	if !alive {
		for _, c := range slices.Backward(n.m.Spec.Init) {
			n.stop(c, reason, grace)
			alive = alive || n.m.State.Containers[c.Name].Alive()
		}
	}
	if alive || n.m.State.Sandbox == SandboxMaking {
		return
	}
	if n.m.State.Sandbox != SandboxEnding && (n.m.State.Ending || n.due(n.m.State.Retry)) {
		n.m.State.Sandbox = SandboxEnding
		n.do(Action{Do: last})
	}
}

// reportRemoved has the sandbox's end reported until that is heard.
func (n *step) reportRemoved() {
	if !n.m.State.Heard && !n.m.State.Reporting {
		n.m.State.Reporting = true
		n.do(Action{Do: ReportRemoved})
	}
}

// clearLost ends what still runs in namespaces that are gone; then a new
// sandbox is made and init containers run again.
func (n *step) clearLost() {
	alive := false
	for _, c := range slices.Concat(n.m.Spec.Main, n.m.Spec.Init) {
		n.stop(c, StopLost, 0)
		if s := n.m.State.Containers[c.Name]; s.Phase == Stopping && !s.Killed {
			s.Killed, s.KillAt = true, n.now.Add(killAgain)
			n.do(Action{Do: Kill, Container: c.Name})
		}
		alive = alive || n.m.State.Containers[c.Name].Alive()
	}
	if alive || !n.due(n.m.State.Retry) {
		return
	}
	n.m.rerunInit()
	n.m.State.Sandbox = SandboxMaking
	n.do(Action{Do: MakeSandbox})
}

func (n *step) startContainers() {
	for _, c := range n.m.Spec.Init {
		n.maybeStart(c)
		s := n.m.State.Containers[c.Name]
		if c.Sidecar && s.Phase == Running && s.Passed {
			continue
		}
		if !c.Sidecar && n.m.over(c) {
			continue
		}
		if c.Sidecar && n.mainBegan() {
			continue // a sidecar that restarts does not hold the others up
		}
		return
	}
	for _, c := range n.m.Spec.Main {
		n.maybeStart(c)
	}
}

func (n *step) mainBegan() bool {
	return slices.ContainsFunc(n.m.Spec.Main, func(c Container) bool { return n.m.State.Containers[c.Name].Runs > 0 })
}

func (n *step) maybeStart(c Container) {
	s := n.m.State.Containers[c.Name]
	if s.Phase != Waiting && s.Phase != Exited || n.m.over(c) || !n.due(s.Retry) {
		return
	}
	if s.Phase == Exited {
		s.Last, s.Exit = s.Exit, nil
	}
	s.Phase, s.Reason, s.Message = Starting, "ContainerCreating", ""
	s.Ready, s.Passed, s.StopReason, s.Killed, s.KillAt = false, false, "", false, time.Time{}
	n.do(Action{Do: Start, Container: c.Name})
}

// delay is the wait after the n-th failure: none, 10 s, 20 s ... 5 min.
func delay(n int) time.Duration {
	if n <= 0 {
		return 0
	}
	return min(firstDelay<<min(n-1, 10), lastDelay)
}
