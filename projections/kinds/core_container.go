package kinds

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"cairn/events"
)

// second is a time of whole seconds, as Kubernetes shows them; 0: none.
func second(unix int64) metav1.Time {
	if unix == 0 {
		return metav1.Time{}
	}
	return metav1.NewTime(time.Unix(unix, 0))
}

func unix(t metav1.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}

func containers(list []events.ContainerStatus) []corev1.ContainerStatus {
	var out []corev1.ContainerStatus
	for i := range list {
		c := &list[i]
		started := c.Started
		s := corev1.ContainerStatus{Name: c.Name, ContainerID: c.ID, Image: c.Image, ImageID: c.ImageID, RestartCount: int32(c.Restarts),
			Ready: c.Ready, Started: &started, State: state(&c.State)}
		if c.Last != nil {
			s.LastTerminationState = state(c.Last)
		}
		out = append(out, s)
	}
	return out
}

func state(s *events.ContainerState) corev1.ContainerState {
	switch s.Is {
	case events.StateRunning:
		return corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: second(s.Started)}}
	case events.StateTerminated:
		return corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: int32(s.ExitCode), Signal: int32(s.Signal), Reason: s.Reason,
			Message: s.Message, StartedAt: second(s.Started), FinishedAt: second(s.Finished), ContainerID: s.ID}}
	}
	return corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: s.Reason, Message: s.Message}}
}

func containerMessages(list []corev1.ContainerStatus) []events.ContainerStatus {
	var out []events.ContainerStatus
	for i := range list {
		c := &list[i]
		m := events.ContainerStatus{Name: c.Name, ID: c.ContainerID, Image: c.Image, ImageID: c.ImageID, Restarts: uint64(max(c.RestartCount, 0)),
			Ready: c.Ready, Started: c.Started != nil && *c.Started, State: stateMessage(&c.State)}
		if c.LastTerminationState.Terminated != nil {
			last := stateMessage(&c.LastTerminationState)
			m.Last = &last
		}
		out = append(out, m)
	}
	return out
}

func stateMessage(s *corev1.ContainerState) events.ContainerState {
	switch {
	case s.Running != nil:
		return events.ContainerState{Is: events.StateRunning, Started: unix(s.Running.StartedAt)}
	case s.Terminated != nil:
		t := s.Terminated
		return events.ContainerState{Is: events.StateTerminated, ExitCode: int64(t.ExitCode), Signal: int64(t.Signal), Reason: t.Reason, Message: t.Message,
			Started: unix(t.StartedAt), Finished: unix(t.FinishedAt), ID: t.ContainerID}
	case s.Waiting != nil:
		return events.ContainerState{Is: events.StateWaiting, Reason: s.Waiting.Reason, Message: s.Waiting.Message}
	}
	return events.ContainerState{}
}
