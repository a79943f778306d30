package kinds

import (
	"encoding/json"
	"fmt"
	"reflect"

	corev1 "k8s.io/api/core/v1"

	"cairn/events"
	"cairn/events/wire"
)

// A pod's status has three owners. The fold's part is projected. The node's is
// the message that its reports bring. The rest is others': readiness gates,
// what an autoscaler resizes, a condition of somebody's controller; it stands
// in the message as Foreign, Kubernetes' JSON of that alone. A report leaves
// Foreign as it is, and a user's patch of the status changes nothing but it:
// what is the node's to say stays as the node said it.
//
// A report is made over the status that its server sees: a patch of Foreign that
// another server appends in that very moment may be undone by it.
//
// Before the first report nobody speaks for a node, and the status is stored as
// its writer wrote it: so tools that play a node through the API can.

// nodeConditions are those that a node, or the fold for it, sets on its pods.
var nodeConditions = map[corev1.PodConditionType]bool{corev1.PodScheduled: true, corev1.PodInitialized: true, corev1.ContainersReady: true,
	corev1.PodReady: true, corev1.PodReadyToStartContainers: true}

// PodReport is the message that stores what a node reports of a pod over the
// status it has: what others wrote of that stays.
func PodReport(reported, now *corev1.PodStatus) ([]byte, error) {
	m := podMessage(reported)
	if m.QOSClass == "" {
		m.QOSClass = string(now.QOSClass)
	}
	var err error
	if m.Foreign, err = foreignOfPod(now); err != nil {
		return nil, err
	}
	return wire.Encode(m), nil
}

func encodePodStatus(o Object, stored []byte) ([]byte, bool, error) {
	if stored == nil {
		return nil, false, nil
	}
	m := &events.PodStatus{}
	if err := wire.Decode(stored, m); err != nil {
		return nil, false, err
	}
	var err error
	if m.Foreign, err = foreignOfPod(&o.(*corev1.Pod).Status); err != nil {
		return nil, false, err
	}
	return wire.Encode(m), true, nil
}

// foreignOfPod encodes what of a status is neither the node's nor the fold's.
func foreignOfPod(s *corev1.PodStatus) ([]byte, error) {
	f := s.DeepCopy()
	f.Phase, f.Reason, f.Message, f.StartTime, f.QOSClass = "", "", "", nil, ""
	f.PodIP, f.PodIPs, f.HostIP, f.HostIPs = "", nil, "", nil
	f.InitContainerStatuses, f.ContainerStatuses, f.Conditions = nil, nil, nil
	for _, c := range s.Conditions {
		if !nodeConditions[c.Type] {
			f.Conditions = append(f.Conditions, c)
		}
	}
	return foreign(f)
}

// foreign is v as JSON; nil where there is nothing in it.
func foreign[T any](v *T) ([]byte, error) {
	if reflect.ValueOf(v).Elem().IsZero() {
		return nil, nil
	}
	b, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("what others wrote of the status does not encode: %w", err)
	}
	return b, nil
}

func decodePodStatus(data []byte, o Object) error {
	m := &events.PodStatus{}
	if err := wire.Decode(data, m); err != nil {
		return err
	}
	s := &o.(*corev1.Pod).Status
	*s = corev1.PodStatus{}
	if m.Foreign != nil {
		if err := json.Unmarshal(m.Foreign, s); err != nil {
			return fmt.Errorf("what others wrote of the status does not decode: %w", err)
		}
	}
	others := s.Conditions
	s.Reason, s.Message, s.QOSClass, s.Conditions = m.Reason, m.Message, corev1.PodQOSClass(m.QOSClass), nil
	if m.Started != 0 {
		t := second(m.Started)
		s.StartTime = &t
	}
	s.InitContainerStatuses, s.ContainerStatuses = containers(m.Init), containers(m.Containers)
	for _, c := range m.Conditions {
		s.Conditions = append(s.Conditions, corev1.PodCondition{Type: corev1.PodConditionType(c.Type), Status: corev1.ConditionStatus(c.Status),
			Reason: c.Reason, Message: c.Message, LastTransitionTime: second(c.Since)})
	}
	s.Conditions = append(s.Conditions, others...)
	return nil
}

// podMessage is what a node's report says, without what is not the node's.
func podMessage(s *corev1.PodStatus) *events.PodStatus {
	m := &events.PodStatus{Reason: s.Reason, Message: s.Message, QOSClass: string(s.QOSClass),
		Init: containerMessages(s.InitContainerStatuses), Containers: containerMessages(s.ContainerStatuses)}
	if s.StartTime != nil {
		m.Started = unix(*s.StartTime)
	}
	for _, c := range s.Conditions {
		if nodeConditions[c.Type] {
			m.Conditions = append(m.Conditions, events.Condition{Type: string(c.Type), Reason: c.Reason, Message: c.Message,
				Status: string(c.Status), Since: unix(c.LastTransitionTime)})
		}
	}
	return m
}
