package kinds

import (
	"encoding/json"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"cairn/events"
	"cairn/events/wire"
)

// A node's status is a message too. What the message has a field for is the
// daemon's; the rest (images, other resources, conditions of a problem
// detector) is others', and stands in it as Foreign.

func encodeNodeStatus(o Object, _ []byte) ([]byte, bool, error) {
	s := &o.(*corev1.Node).Status
	m := &events.NodeStatus{Capacity: quantities(s.Capacity), Allocatable: quantities(s.Allocatable), Streaming: uint64(max(s.DaemonEndpoints.KubeletEndpoint.Port, 0)),
		BootID: s.NodeInfo.BootID, MachineID: s.NodeInfo.MachineID, Kernel: s.NodeInfo.KernelVersion, OSImage: s.NodeInfo.OSImage,
		Runtime: s.NodeInfo.ContainerRuntimeVersion, Version: s.NodeInfo.KubeletVersion, OS: s.NodeInfo.OperatingSystem, Arch: s.NodeInfo.Architecture}
	for _, a := range s.Addresses {
		m.Addresses = append(m.Addresses, events.Pair{Key: string(a.Type), Value: a.Address})
	}
	f := s.DeepCopy()
	f.Capacity, f.Allocatable = otherResources(s.Capacity), otherResources(s.Allocatable)
	f.Addresses, f.DaemonEndpoints.KubeletEndpoint.Port = nil, 0
	i := &f.NodeInfo
	i.BootID, i.MachineID, i.KernelVersion, i.OSImage = "", "", "", ""
	i.ContainerRuntimeVersion, i.KubeletVersion, i.OperatingSystem, i.Architecture = "", "", "", ""
	var err error
	if m.Foreign, err = foreign(f); err != nil {
		return nil, false, err
	}
	return wire.Encode(m), true, nil
}

// counted are the resources that a message has fields for.
var counted = []corev1.ResourceName{corev1.ResourceCPU, corev1.ResourceMemory, corev1.ResourceEphemeralStorage, corev1.ResourcePods}

func otherResources(l corev1.ResourceList) corev1.ResourceList {
	l = l.DeepCopy()
	for _, name := range counted {
		delete(l, name)
	}
	if len(l) == 0 {
		return nil
	}
	return l
}

func decodeNodeStatus(data []byte, o Object) error {
	m := &events.NodeStatus{}
	if err := wire.Decode(data, m); err != nil {
		return err
	}
	s := &o.(*corev1.Node).Status
	*s = corev1.NodeStatus{}
	if m.Foreign != nil {
		if err := json.Unmarshal(m.Foreign, s); err != nil {
			return fmt.Errorf("what others wrote of the status does not decode: %w", err)
		}
	}
	s.Capacity, s.Allocatable = withResources(s.Capacity, m.Capacity), withResources(s.Allocatable, m.Allocatable)
	for _, a := range m.Addresses {
		s.Addresses = append(s.Addresses, corev1.NodeAddress{Type: corev1.NodeAddressType(a.Key), Address: a.Value})
	}
	s.DaemonEndpoints.KubeletEndpoint.Port = int32(m.Streaming)
	i := &s.NodeInfo
	i.BootID, i.MachineID, i.KernelVersion, i.OSImage = m.BootID, m.MachineID, m.Kernel, m.OSImage
	i.ContainerRuntimeVersion, i.KubeletVersion, i.OperatingSystem, i.Architecture = m.Runtime, m.Version, m.OS, m.Arch
	for _, c := range m.Conditions {
		s.Conditions = append(s.Conditions, corev1.NodeCondition{Type: corev1.NodeConditionType(c.Type), Status: corev1.ConditionStatus(c.Status),
			Reason: c.Reason, Message: c.Message, LastTransitionTime: second(c.Since)})
	}
	return nil
}

func withResources(l corev1.ResourceList, r events.Resources) corev1.ResourceList {
	if r == (events.Resources{}) {
		return l
	}
	if l == nil {
		l = corev1.ResourceList{}
	}
	l[corev1.ResourceCPU] = *resource.NewMilliQuantity(int64(r.MilliCPU), resource.DecimalSI)
	l[corev1.ResourceMemory] = *resource.NewQuantity(int64(r.Memory), resource.BinarySI)
	l[corev1.ResourceEphemeralStorage] = *resource.NewQuantity(int64(r.Storage), resource.BinarySI)
	l[corev1.ResourcePods] = *resource.NewQuantity(int64(r.Pods), resource.DecimalSI)
	return l
}
