package kinds

import (
	"reflect"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"cairn/events"
)

func reported() *corev1.PodStatus {
	yes, t := true, metav1.NewTime(time.Unix(1700000000, 0))
	return &corev1.PodStatus{StartTime: &t, QOSClass: "Burstable", Message: "m", Reason: "r",
		Conditions: []corev1.PodCondition{{Type: "Initialized", Status: "True", LastTransitionTime: t}, {Type: "Ready", Status: "False", Reason: "ContainersNotReady"}},
		ContainerStatuses: []corev1.ContainerStatus{
			{Name: "a", Image: "web:1", ImageID: "sha256:1", ContainerID: "runc://1", RestartCount: 3, Ready: true, Started: &yes,
				State:                corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: t}},
				LastTerminationState: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 137, Signal: 9, Reason: "OOMKilled", FinishedAt: t, ContainerID: "runc://0"}}},
			{Name: "b", Started: new(bool), State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ImagePullBackOff", Message: "no"}}}}}
}

func TestANodesReportIsShownAsItWasSaid(t *testing.T) {
	data, err := PodReport(reported(), &corev1.PodStatus{})
	if err != nil {
		t.Fatal(err)
	}
	p := &corev1.Pod{}
	if err := decodePodStatus(data, p); err != nil {
		t.Fatal(err)
	}
	if !equality.Semantic.DeepEqual(&p.Status, reported()) {
		t.Errorf("shown  %+v\nwanted %+v", &p.Status, reported())
	}
}

func TestWhatOthersWroteOfAPodsStatusStays(t *testing.T) {
	k := kind(t, events.Pods)
	if _, ok, _ := k.Status.Encode(&corev1.Pod{Status: *reported()}, nil); ok {
		t.Error("before a report, a status is its writer's")
	}
	gate := corev1.PodCondition{Type: "example.com/gate", Status: "True"}
	now := &corev1.PodStatus{QOSClass: "Guaranteed", Conditions: []corev1.PodCondition{gate}}
	first := reported()
	first.QOSClass = ""
	data, err := PodReport(first, now) // a gate set before the first report
	if err != nil {
		t.Fatal(err)
	}
	p := &corev1.Pod{}
	if err := decodePodStatus(data, p); err != nil {
		t.Fatal(err)
	}
	if find(p.Status.Conditions, gate.Type) == nil || p.Status.QOSClass != "Guaranteed" {
		t.Fatalf("shown %+v", p.Status)
	}
	// A user's patch: another condition, a nomination, and words in the node's mouth.
	p.Status.Conditions = append(p.Status.Conditions, corev1.PodCondition{Type: "example.com/other", Status: "False"})
	p.Status.NominatedNodeName = "n2"
	p.Status.ContainerStatuses[0].RestartCount = 99
	patched, ok, err := k.Status.Encode(p, data)
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	if err := decodePodStatus(patched, p); err != nil {
		t.Fatal(err)
	}
	if find(p.Status.Conditions, "example.com/other") == nil || p.Status.NominatedNodeName != "n2" || p.Status.ContainerStatuses[0].RestartCount != 3 {
		t.Errorf("after the patch %+v", p.Status)
	}
	// And a report after it.
	if data, err = PodReport(reported(), &p.Status); err != nil {
		t.Fatal(err)
	}
	if err := decodePodStatus(data, p); err != nil {
		t.Fatal(err)
	}
	if find(p.Status.Conditions, gate.Type) == nil || find(p.Status.Conditions, "example.com/other") == nil || p.Status.NominatedNodeName != "n2" {
		t.Errorf("after the report %+v", p.Status)
	}
}

func TestANodesStatusIsShownAsItWasSaid(t *testing.T) {
	l := corev1.ResourceList{"cpu": resource.MustParse("1500m"), "memory": resource.MustParse("8Gi"), "ephemeral-storage": resource.MustParse("1Ti"), "pods": resource.MustParse("110"),
		"example.com/gpu": resource.MustParse("2")}
	s := corev1.NodeStatus{Capacity: l, Allocatable: l, Addresses: []corev1.NodeAddress{{Type: "InternalIP", Address: "192.0.2.7"}},
		DaemonEndpoints: corev1.NodeDaemonEndpoints{KubeletEndpoint: corev1.DaemonEndpoint{Port: 10250}},
		NodeInfo:        corev1.NodeSystemInfo{BootID: "b", MachineID: "m", SystemUUID: "u", KernelVersion: "6.1", OSImage: "Debian", ContainerRuntimeVersion: "runc://1", KubeletVersion: "v0", OperatingSystem: "linux", Architecture: "amd64"},
		Conditions:      []corev1.NodeCondition{{Type: "KernelDeadlock", Status: "False", LastHeartbeatTime: metav1.NewTime(time.Unix(1700000000, 0))}}}
	k := kind(t, events.Nodes)
	data, ok, err := k.Status.Encode(&corev1.Node{Status: s}, nil)
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	n := &corev1.Node{}
	if err := k.Status.Decode(data, n); err != nil {
		t.Fatal(err)
	}
	if !equality.Semantic.DeepEqual(n.Status, s) {
		t.Errorf("shown  %+v\nwanted %+v", n.Status, s)
	}
	again, _, err := k.Status.Encode(n, data)
	if err != nil || !reflect.DeepEqual(again, data) {
		t.Errorf("what is shown encodes otherwise (%v)", err)
	}
}
