package lifecycle

import "time"

// BackOff is the reason of a container that waits because it ended too often.
const BackOff = "CrashLoopBackOff"

// lasted is how long a sandbox must last for its loss to be an accident. One
// that is lost sooner is made again later and later: a pod that kills its own
// pause process must not keep a machine busy.
const lasted = 10 * time.Second

// lose notes that the sandbox is gone. A machine that was switched off loses
// all of them: they are made again at once.
func (m *Machine) lose(now time.Time) {
	st := &m.State
	st.Sandbox, st.Retry = SandboxLost, time.Time{}
	m.retire()
	if now.Sub(st.Made) >= lasted {
		st.Losses = 0
		return
	}
	st.Losses++
	st.Retry = now.Add(delay(st.Losses - 1))
}

// cutShort takes in that nothing of the pod runs any more: what had not ended
// by the time the cell's end allowed was killed.
func (m *Machine) cutShort(now time.Time) {
	m.State.Ending = true
	for name, s := range m.State.Containers {
		switch s.Phase {
		case Starting:
			s.Phase = Waiting
			if s.Last != nil && s.Exit == nil && s.Runs > 0 {
				s.Phase, s.Exit, s.Last = Exited, s.Last, nil
			}
		case Running, Stopping:
			s.StopReason = StopCell
			c, _ := m.Container(name)
			m.exited(s, c, Event{Container: name, Exit: &Exit{Finished: now}}, now)
		}
	}
	if m.State.Sandbox != SandboxEnded {
		m.State.Sandbox, m.State.Reason, m.State.Message = SandboxEnded, "", ""
	}
}

// begin has the pod go on after its cell's end, without waiting: what delays
// there were have passed with it. Its containers keep their counts of crashes.
func (m *Machine) begin() {
	st := &m.State
	if !st.Ending {
		return
	}
	st.Ending, st.Limit, st.Retry, st.Fails, st.Losses = false, 0, time.Time{}, 0, 0
	for _, s := range st.Containers {
		if s.Phase == Waiting || s.Phase == Exited {
			s.Retry = time.Time{}
		}
	}
	if st.Sandbox == SandboxEnded && !m.Ended() && !st.Removed {
		st.Sandbox = SandboxNone
		m.rerunInit()
	}
}

// rerunInit has the init containers run again, as a new sandbox wants it.
func (m *Machine) rerunInit() {
	for _, c := range m.Spec.Init {
		if s := m.State.Containers[c.Name]; s.Phase == Exited {
			s.Last, s.Exit, s.Phase = s.Exit, nil, Waiting
		}
	}
}

// Closing reports whether the sandbox is being ended for good: its end is
// reported next, with the status of then.
func (m *Machine) Closing() bool {
	return m.State.Sandbox == SandboxEnding && (m.State.Deleting || m.Ended())
}

// Settled reports whether the cell's end has been carried out: nothing of the
// pod runs, and nothing is under way.
func (m *Machine) Settled() bool {
	return m.State.Removed || m.State.Ending && !m.State.Deleting && m.State.Sandbox == SandboxEnded
}

// retire takes the pod out of service: nothing of it is ready any more.
func (m *Machine) retire() {
	for _, s := range m.State.Containers {
		s.Ready = false
	}
}
