package kinds

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"cairn/events"
	"cairn/projections/fold"
	"cairn/projections/view"
)

func kind(t *testing.T, name string) *Kind {
	t.Helper()
	for _, k := range Served() {
		if k.Name == name {
			return k
		}
	}
	t.Fatalf("%s is not served", name)
	return nil
}

func pod() *corev1.Pod {
	yes, grace := true, int64(30)
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "web", Namespace: "default", Labels: map[string]string{"tier": "front", "app": "web"}, Finalizers: []string{"b", "a", "b"},
			DeletionGracePeriodSeconds: &grace, OwnerReferences: []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: "ReplicaSet", Name: "web-1", UID: "r", Controller: &yes}}},
		Spec: corev1.PodSpec{
			InitContainers: []corev1.Container{{Name: "i", Resources: corev1.ResourceRequirements{Requests: corev1.ResourceList{"cpu": resource.MustParse("2")}}}},
			Containers: []corev1.Container{
				{Name: "a", Resources: corev1.ResourceRequirements{Requests: corev1.ResourceList{"cpu": resource.MustParse("250m"), "memory": resource.MustParse("1Mi")}},
					Ports: []corev1.ContainerPort{{Name: "http", ContainerPort: 80, Protocol: "TCP", HostPort: 8080}}},
				{Name: "b", Resources: corev1.ResourceRequirements{Requests: corev1.ResourceList{"memory": resource.MustParse("1Mi")}}}},
			NodeSelector: map[string]string{"z": "1", "a": "2"},
		},
	}
}

func TestFactsOfAPodAreNormalised(t *testing.T) {
	f := kind(t, events.Pods).FactsOf(pod())
	want := events.Facts{
		Labels: []events.Pair{{Key: "app", Value: "web"}, {Key: "tier", Value: "front"}}, Finalizers: []string{"a", "b"}, Grace: 30,
		Owners: []events.Owner{{Kind: events.ReplicaSets, Name: "web-1", UID: "r", Controller: true}},
		Pod: &events.Pod{Requests: events.Resources{MilliCPU: 2000, Memory: 2 << 20}, NodeSelector: []events.Pair{{Key: "a", Value: "2"}, {Key: "z", Value: "1"}},
			HostPorts: []events.HostPort{{Protocol: "TCP", Port: 8080}}, Ports: []events.PodPort{{Name: "http", Protocol: "TCP", Port: 80}},
			Spread: []events.Pair{{Key: "app", Value: "web"}, {Key: "tier", Value: "front"}}},
	}
	if !reflect.DeepEqual(f, want) {
		t.Errorf("facts  %+v\n pod %+v\nwanted %+v\n pod %+v", f, f.Pod, want, want.Pod)
	}
}

func TestTheTemplateHashIsTheSameForASetAndItsDeployment(t *testing.T) {
	a := &corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": "web"}}, Spec: pod().Spec}
	b := a.DeepCopy()
	b.Labels["pod-template-hash"] = TemplateHash(a)
	if TemplateHash(a) != TemplateHash(b) {
		t.Error("the hash hashes itself")
	}
	b.Spec.Containers[0].Image = "other"
	if TemplateHash(a) == TemplateHash(b) {
		t.Error("another image has the same hash")
	}
	if b.Labels["pod-template-hash"] == "" {
		t.Error("hashing changed the template")
	}
}

// What Lay writes, Keep takes back: an object that comes back as it was shown
// is what is stored.
func TestKeepTakesBackWhatLayWrote(t *testing.T) {
	state := map[string]*view.Projected{
		events.Pods:            {Pod: &fold.PodState{Node: "n1", Placed: 7, PlacedAt: 5e9, Address: "10.66.0.2", HostAddress: "192.0.2.7", Phase: events.Running, Reported: 9, Ready: true}},
		events.Nodes:           {Node: &fold.NodeState{PodRange: "10.66.0.0/24", Registration: 3, Ready: true}},
		events.Services:        {Service: &fold.ServiceState{ClusterIP: "10.67.0.20", NodePorts: []uint64{30001}}},
		events.ReplicaSets:     {Workload: &fold.WorkloadState{Replicas: 3, FullyLabeled: 3, Ready: 2}},
		events.Deployments:     {Workload: &fold.WorkloadState{Replicas: 3, Ready: 2, Updated: 1, Unavailable: 1}},
		events.ReplicationCtrl: {Workload: &fold.WorkloadState{Replicas: 3}},
	}
	stored := map[string]Object{
		events.Pods: pod(), events.Nodes: &corev1.Node{}, events.ReplicaSets: &appsv1.ReplicaSet{}, events.Deployments: &appsv1.Deployment{}, events.ReplicationCtrl: &corev1.ReplicationController{},
		events.Services: &corev1.Service{Spec: corev1.ServiceSpec{Ports: []corev1.ServicePort{{Port: 80, TargetPort: intstr.FromInt32(8080)}}}},
	}
	for name, p := range state {
		k, below := kind(t, name), stored[name]
		shown := below.DeepCopyObject().(Object)
		k.Lay(shown, &view.Object{Projected: p})
		if reflect.DeepEqual(shown, below) {
			t.Errorf("%s: nothing is shown", name)
		}
		in := shown.DeepCopyObject().(Object)
		k.Keep(in, shown, below)
		if !reflect.DeepEqual(in, below) {
			t.Errorf("%s:\n kept   %+v\n stored %+v", name, in, below)
		}
	}
}

func TestWhatIsNotDoneIsNamed(t *testing.T) {
	p := pod()
	p.Spec.Containers[0].Ports[0].HostPort = 0
	p.Spec.Containers[0].StartupProbe, p.Spec.Containers[0].Lifecycle = &corev1.Probe{}, &corev1.Lifecycle{}
	p.Spec.Affinity = &corev1.Affinity{NodeAffinity: &corev1.NodeAffinity{RequiredDuringSchedulingIgnoredDuringExecution: &corev1.NodeSelector{}}}
	p.Spec.Volumes = []corev1.Volume{{Name: "ok", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}},
		{Name: "nfs", VolumeSource: corev1.VolumeSource{NFS: &corev1.NFSVolumeSource{}}}}
	p.Spec.PriorityClassName = "high"
	errs, warnings := Unsupported(p)
	if len(errs) != 2 || !strings.Contains(errs.ToAggregate().Error(), "spec.volumes[1]") || !strings.Contains(errs.ToAggregate().Error(), "nodeAffinity") {
		t.Errorf("refused: %v", errs)
	}
	if len(warnings) != 1 || !strings.Contains(warnings[0], "spec.priorityClassName") {
		t.Errorf("warned: %v", warnings)
	}
	if errs, warnings := Unsupported(&corev1.Service{Spec: corev1.ServiceSpec{Type: corev1.ServiceTypeLoadBalancer}}); len(errs) != 0 || len(warnings) != 1 {
		t.Errorf("a load balancer: %v %v", errs, warnings)
	}
}

func TestEndpointsAreRenderedByThePortsTheyServe(t *testing.T) {
	o := &view.Object{Ref: events.Ref{Kind: events.Endpoints, Namespace: "default", Name: "web"}, UID: "u", Projected: &view.Projected{Endpoints: &fold.EndpointsState{
		Service: "web", ServiceUID: "s", Ports: []events.ServicePort{{Name: "http", Protocol: "TCP", Port: 80}},
		Backends: []fold.Backend{{Address: "10.66.0.2", Pod: "a", Ready: true, Targets: []uint64{8080}}, {Address: "10.66.0.3", Pod: "b", Targets: []uint64{8080}}, {Address: "10.66.0.4", Pod: "c", Ready: true, Targets: []uint64{9090}}}}}}
	e := wholeEndpoints(o, metav1.Time{}).(*corev1.Endpoints)
	if len(e.Subsets) != 2 || len(e.Subsets[0].Addresses) != 1 || len(e.Subsets[0].NotReadyAddresses) != 1 || e.Subsets[1].Ports[0].Port != 9090 {
		t.Errorf("%+v", e.Subsets)
	}
	// A slice has one list of ports: that of most that are ready.
	shown := func() string {
		s := wholeSlice(o, metav1.Time{}).(*discoveryv1.EndpointSlice)
		said := fmt.Sprint(*s.Ports[0].Port)
		for _, e := range s.Endpoints {
			said += " " + e.TargetRef.Name
		}
		return said
	}
	if got := shown(); got != "8080 a b" {
		t.Errorf("the slice shows %s", got)
	}
	o.Projected.Endpoints.Backends[0].Ready = false
	if got := shown(); got != "9090 c" {
		t.Errorf("the slice shows %s", got)
	}
}

func TestSelectorsAreDecidedByRowsAsByObjects(t *testing.T) {
	e := &view.Object{Ref: events.Ref{Kind: events.Events, Namespace: "default", Name: "web.1"}, Projected: &view.Projected{Event: &fold.EventState{
		Regarding: events.Ref{Kind: events.Pods, Namespace: "default", Name: "web"}, RegardingUID: "u", Reason: "Started"}}}
	shown := wholeEvent(e, metav1.Time{}).(*corev1.Event)
	for path, want := range map[string]string{"involvedObject.name": shown.InvolvedObject.Name, "involvedObject.uid": string(shown.InvolvedObject.UID),
		"involvedObject.namespace": shown.InvolvedObject.Namespace, "reason": shown.Reason, "metadata.name": shown.Name, "metadata.namespace": shown.Namespace} {
		if got, known := Field(e, path); !known || got != want || got == "" {
			t.Errorf("%s: %q %t, want %q", path, got, known, want)
		}
	}
	if _, known := Field(e, "type"); known {
		t.Error("what a row does not tell is left to the object")
	}
	for _, p := range []*fold.PodState{{}, {Node: "n1", Placed: 7}} {
		o := &view.Object{Ref: events.Ref{Kind: events.Pods}, Facts: &events.Facts{Pod: &events.Pod{}}, Projected: &view.Projected{Pod: p}}
		pod := &corev1.Pod{}
		layPod(pod, o)
		if got, known := Field(o, "spec.nodeName"); !known || got != pod.Spec.NodeName {
			t.Errorf("spec.nodeName: %q %t, want %q", got, known, pod.Spec.NodeName)
		}
	}
}

func TestServiceEnvIsKubernetes(t *testing.T) {
	env := map[string]string{}
	ServiceEnv(&corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: "redis-master"}, Spec: corev1.ServiceSpec{ClusterIP: "10.67.0.11", Ports: []corev1.ServicePort{{Port: 6379, Protocol: "TCP"}}}}, env)
	for k, v := range map[string]string{"REDIS_MASTER_SERVICE_HOST": "10.67.0.11", "REDIS_MASTER_SERVICE_PORT": "6379", "REDIS_MASTER_PORT": "tcp://10.67.0.11:6379",
		"REDIS_MASTER_PORT_6379_TCP_ADDR": "10.67.0.11"} {
		if env[k] != v {
			t.Errorf("%s is %q, want %q", k, env[k], v)
		}
	}
}
