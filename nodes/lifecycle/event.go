package lifecycle

import (
	"fmt"
	"strings"
	"time"
)

// What says what happened.
type What string

// The events.
const (
	SandboxMade    What = "sandbox made"
	SandboxFailed  What = "sandbox failed"  // Reason, Message
	SandboxGone    What = "sandbox gone"    // its pause process ended
	SandboxStopped What = "sandbox stopped" // after EndSandbox
	Started        What = "started"         // ID, Image
	StartFailed    What = "start failed"    // Reason, Message
	HasExited      What = "exited"          // Exit
	StartupPassed  What = "startup passed"
	BecameReady    What = "ready"
	BecameUnready  What = "unready"
	Unhealthy      What = "unhealthy"     // liveness or startup probe gave up: Message, Grace
	Delete         What = "delete"        // Grace; again with a shorter one
	Refused        What = "refused"       // Message: this node will never run it
	Removed        What = "removed"       // after Remove
	RemoveFailed   What = "remove failed" // Message; tried again
	Heard          What = "heard"         // after ReportRemoved: a server has it
	Unheard        What = "unheard"       // after ReportRemoved: it must be reported anew
	WasOver        What = "was over"      // Reason: the outcome that is on record, before this machine knew the pod
	Changed        What = "changed"       // the container's image is another one now
	CellEnds       What = "cell ends"     // Grace: the most that its containers may take
	CellEnded      What = "cell ended"    // every process of the pod was killed with the cell
	CellBegan      What = "cell began"    // it is up again, after CellEnds or CellEnded
)

// Why a container is stopped (Action.Reason, Exit.Asked).
const (
	StopDeleted   = "Killing"
	StopPodEnded  = "PodEnded"
	StopUnhealthy = "Unhealthy"
	StopChanged   = "Changed"        // its image
	StopLost      = "SandboxChanged" // its namespaces are gone
	StopCell      = "CellEnded"
)

// Event is one thing that happened.
type Event struct {
	What            What
	Container       string
	ID, Image       string
	Reason, Message string
	Exit            *Exit
	Grace           time.Duration
}

// Handle takes an event in. An event that does not fit what the machine knows
// (a probe's answer about a container that has just ended) changes nothing.
func (m *Machine) Handle(e Event, now time.Time) {
	if s := m.State.Containers[e.Container]; s != nil {
		m.handleContainer(s, e, now)
		return
	}
	st := &m.State
	switch e.What {
	case SandboxMade:
		st.Sandbox, st.Fails, st.Retry, st.Reason, st.Message = SandboxReady, 0, time.Time{}, "", ""
		st.Made = now
	case SandboxFailed:
		st.Sandbox, st.Reason, st.Message = SandboxNone, e.Reason, e.Message
		st.Fails++
		st.Retry = now.Add(delay(st.Fails))
	case SandboxGone:
		if st.Sandbox == SandboxReady || st.Sandbox == SandboxMaking {
			m.lose(now)
		}
	case SandboxStopped:
		st.Sandbox = SandboxEnded
	case Delete:
		if !st.Deleting {
			st.Retry = time.Time{}
		}
		if st.Deleting && e.Grace < st.Grace {
			m.shorten(e.Grace, now)
		}
		if !st.Deleting || e.Grace < st.Grace {
			st.Grace = e.Grace
		}
		st.Deleting = true
	case Refused:
		st.Refused = e.Message
	case CellEnds:
		st.Ending, st.Limit = true, e.Grace
		m.shorten(e.Grace, now)
		m.retire()
	case CellEnded:
		m.cutShort(now)
	case CellBegan:
		m.begin()
	case Removed:
		st.Removed, st.Sandbox = true, SandboxEnded // which may have been reported before, of a completed pod
	case Heard:
		st.Heard, st.Reporting = true, false
	case Unheard:
		st.Reporting = false
	case WasOver:
		st.Known = Outcome(e.Reason)
	case RemoveFailed:
		st.Sandbox, st.Message, st.Retry = SandboxReady, e.Message, now.Add(firstDelay)
	}
}

// shorten brings the kill of what is being stopped forward.
func (m *Machine) shorten(grace time.Duration, now time.Time) {
	for _, s := range m.State.Containers {
		if at := now.Add(grace); s.Phase == Stopping && at.Before(s.KillAt) {
			s.KillAt = at
		}
	}
}

func (m *Machine) handleContainer(s *ContainerState, e Event, now time.Time) {
	c, _ := m.Container(e.Container)
	switch e.What {
	case Started:
		if s.Phase != Starting {
			return
		}
		if s.Runs > 0 {
			s.Restarts++
		}
		s.Runs++
		s.Phase, s.ID, s.Image, s.Started = Running, e.ID, e.Image, now
		s.Reason, s.Message, s.Retry, s.Fails, s.Unwell = "", "", time.Time{}, 0, nil
		s.Passed = !c.Startup
		s.Ready = s.Passed && !c.Readiness
	case StartFailed:
		m.startFailed(s, e, now)
	case HasExited:
		m.exited(s, c, e, now)
	case StartupPassed:
		s.Passed = s.Passed || s.Phase == Running
		s.Ready = s.Ready || s.Phase == Running && !c.Readiness
	case BecameReady:
		s.Ready = s.Phase == Running && s.Passed && !m.State.Ending
	case BecameUnready:
		s.Ready = false
	case Unhealthy:
		if s.Phase != Running {
			return
		}
		s.Unwell, s.Ready = &e.Grace, false
	case Changed:
		m.change(s)
	}
}

func (m *Machine) startFailed(s *ContainerState, e Event, now time.Time) {
	if s.Phase != Starting {
		return
	}
	s.Phase, s.Reason, s.Message = Waiting, e.Reason, e.Message
	s.Fails++
	s.Retry = now.Add(delay(s.Fails))
	if s.Changed { // it was the old image that failed
		s.Changed, s.Fails, s.Retry = false, 0, time.Time{}
	}
}

// exited notes the end of a process and when it may be started again: at once
// where it did not end by itself, and the first time; then later and later.
func (m *Machine) exited(s *ContainerState, c Container, e Event, now time.Time) {
	if s.Phase != Running && s.Phase != Stopping && s.Phase != Starting || e.Exit == nil {
		return
	}
	exit := *e.Exit
	if exit.Started.IsZero() {
		exit.Started = s.Started
	}
	if exit.Asked = s.StopReason; exit.Asked == "" && m.State.Sandbox == SandboxLost {
		exit.Asked = StopLost
	}
	if exit.Reason == "" || exit.Asked == StopCell && !exit.Known {
		exit.Reason = "Error"
		if exit.Known && exit.Code == 0 {
			exit.Reason = "Completed"
		}
		if exit.Asked == StopCell {
			exit.Reason, exit.Message = StopCell, strings.TrimPrefix(exit.Message+"; ended with its cell", "; ")
		}
	}
	s.Phase, s.Exit, s.Ready, s.Retry = Exited, &exit, false, time.Time{}
	s.Unwell, s.Changed = nil, false
	if !s.Started.IsZero() && now.Sub(s.Started) >= forgiven {
		s.Crashes = 0
	}
	if m.State.Deleting || m.State.Ending || exit.Asked == StopLost || exit.Asked == StopChanged || exit.Asked == StopCell {
		return
	}
	s.Crashes++
	wait := delay(s.Crashes - 1)
	s.Retry = now.Add(wait)
	if !m.over(c) && !m.Ended() && wait > 0 {
		s.Reason = BackOff
		s.Message = fmt.Sprintf("back-off %s restarting failed container=%s", wait, e.Container)
	}
}

// change has a container started anew with its new image: what runs is
// stopped, what waits need not wait for the old image's sake.
func (m *Machine) change(s *ContainerState) {
	switch s.Phase {
	case Starting, Running:
		s.Changed = true
	case Waiting, Exited:
		s.Retry, s.Fails, s.Crashes = time.Time{}, 0, 0
	}
}
