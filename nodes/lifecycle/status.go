package lifecycle

import (
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Host is where a pod runs.
type Host struct {
	HostIP, PodIP string
	Started       time.Time // when this node took it on
}

// Status writes the pod's status as Kubernetes shows it. before is the status
// last given out: a condition that did not change keeps its time.
func (m *Machine) Status(pod *corev1.Pod, host Host, before *corev1.PodStatus, now time.Time) *corev1.PodStatus {
	st := &corev1.PodStatus{Phase: corev1.PodPhase(m.Outcome()), QOSClass: pod.Status.QOSClass, HostIP: host.HostIP, PodIP: host.PodIP}
	if host.HostIP != "" {
		st.HostIPs = []corev1.HostIP{{IP: host.HostIP}}
	}
	if host.PodIP != "" {
		st.PodIPs = []corev1.PodIP{{IP: host.PodIP}}
	}
	if !host.Started.IsZero() {
		t := seconds(host.Started)
		st.StartTime = &t
	}
	if m.State.Refused != "" {
		st.Reason, st.Message = "NotSupported", m.State.Refused
	} else if m.State.Ending && !m.Ended() {
		st.Reason, st.Message = StopCell, "The cell was ended: the containers are started again with it"
	} else if m.State.Sandbox == SandboxNone && m.State.Reason != "" {
		st.Message = m.State.Message
	}
	for i := range pod.Spec.InitContainers {
		st.InitContainerStatuses = append(st.InitContainerStatuses, m.container(&pod.Spec.InitContainers[i], true))
	}
	for i := range pod.Spec.Containers {
		st.ContainerStatuses = append(st.ContainerStatuses, m.container(&pod.Spec.Containers[i], false))
	}
	st.Conditions = m.conditions(pod, st, before, now)
	return st
}

func (m *Machine) container(c *corev1.Container, init bool) corev1.ContainerStatus {
	s := m.State.Containers[c.Name]
	if s == nil {
		s = &ContainerState{Phase: Waiting} // of a spec that changed
	}
	out := corev1.ContainerStatus{Name: c.Name, Image: c.Image, ImageID: s.Image, RestartCount: int32(s.Restarts), Ready: s.Ready}
	if s.ID != "" {
		out.ContainerID = "cairn://" + s.ID
	}
	started := s.Alive() && s.Phase != Starting && s.Passed
	out.Started = &started
	if s.Last != nil {
		out.LastTerminationState.Terminated = terminated(s.Last, out.ContainerID)
	}
	spec, _ := m.Container(c.Name)
	switch {
	case s.Phase == Running || s.Phase == Stopping:
		out.State.Running = &corev1.ContainerStateRunning{StartedAt: seconds(s.Started)}
	case s.Phase == Exited && (m.over(spec) || m.State.Deleting || m.State.Ending || s.Reason != BackOff):
		out.State.Terminated = terminated(s.Exit, out.ContainerID)
		if init && !spec.Sidecar {
			out.Ready = s.Exit.Known && s.Exit.Code == 0
		}
	default:
		if s.Phase == Exited {
			out.LastTerminationState.Terminated = terminated(s.Exit, out.ContainerID)
		}
		out.State.Waiting = m.waiting(s, init)
	}
	return out
}

func (m *Machine) waiting(s *ContainerState, init bool) *corev1.ContainerStateWaiting {
	w := &corev1.ContainerStateWaiting{Reason: s.Reason, Message: s.Message}
	if w.Reason == "" {
		w.Reason = "ContainerCreating"
		if !init && len(m.Spec.Init) > 0 {
			w.Reason = "PodInitializing"
		}
	}
	if w.Reason == "ErrImagePull" && s.Fails > 1 {
		w.Reason = "ImagePullBackOff"
	}
	return w
}

func terminated(e *Exit, id string) *corev1.ContainerStateTerminated {
	t := &corev1.ContainerStateTerminated{
		ExitCode: int32(e.Code), Signal: int32(e.Signal), Reason: e.Reason, Message: e.Message,
		StartedAt: seconds(e.Started), FinishedAt: seconds(e.Finished), ContainerID: id,
	}
	if !e.Known {
		t.ExitCode = 137 // what Kubernetes shows for a code that nobody saw
	}
	return t
}

// Ready reports whether every container that serves is ready.
func (m *Machine) Ready() bool { return len(m.unready()) == 0 && m.Outcome() == PodRunning }

func (m *Machine) unready() []string {
	var names []string
	for _, c := range slices.Concat(m.Spec.Init, m.Spec.Main) {
		if m.isInit(c.Name) && !c.Sidecar {
			continue
		}
		if !m.State.Containers[c.Name].Ready {
			names = append(names, c.Name)
		}
	}
	return names
}

func (m *Machine) initialized() bool {
	for _, c := range m.Spec.Init {
		s := m.State.Containers[c.Name]
		if c.Sidecar && s.Passed || !c.Sidecar && m.over(c) && !m.failed(c) {
			continue
		}
		return false
	}
	return true
}

func (m *Machine) conditions(pod *corev1.Pod, st, before *corev1.PodStatus, now time.Time) []corev1.PodCondition {
	var out []corev1.PodCondition
	add := func(t corev1.PodConditionType, ok bool, reason, message string) {
		c := corev1.PodCondition{Type: t, Status: corev1.ConditionTrue, LastTransitionTime: seconds(now)}
		if !ok {
			c.Status, c.Reason, c.Message = corev1.ConditionFalse, reason, message
		}
		out = append(out, keepTime(c, before))
	}
	done := st.Phase == corev1.PodSucceeded
	reason, message := "ContainersNotReady", "containers with unready status: ["+strings.Join(m.unready(), " ")+"]"
	if done {
		reason, message = "PodCompleted", ""
	}
	containers := m.Ready()
	add(corev1.PodReadyToStartContainers, m.State.Sandbox == SandboxReady, "", "")
	add(corev1.PodInitialized, m.initialized() || done, "ContainersNotInitialized", "containers with incomplete status")
	gate := missingGate(pod)
	if containers && gate != "" {
		add(corev1.PodReady, false, "ReadinessGatesNotReady", fmt.Sprintf("condition %q is not true", gate))
	} else {
		add(corev1.PodReady, containers, reason, message)
	}
	add(corev1.ContainersReady, containers, reason, message)
	add(corev1.PodScheduled, true, "", "")
	return out
}

func missingGate(pod *corev1.Pod) string {
	for _, g := range pod.Spec.ReadinessGates {
		if !slices.ContainsFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool {
			return c.Type == g.ConditionType && c.Status == corev1.ConditionTrue
		}) {
			return string(g.ConditionType)
		}
	}
	return ""
}

func keepTime(c corev1.PodCondition, before *corev1.PodStatus) corev1.PodCondition {
	if before != nil {
		for _, old := range before.Conditions {
			if old.Type == c.Type && old.Status == c.Status {
				c.LastTransitionTime = old.LastTransitionTime
			}
		}
	}
	return c
}

// seconds is a time as it is written: what was read back must be equal.
func seconds(t time.Time) metav1.Time { return metav1.NewTime(t.Truncate(time.Second)) }
