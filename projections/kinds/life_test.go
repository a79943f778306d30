package kinds

import (
	"encoding/json"
	"reflect"
	"slices"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"cairn/events"
	"cairn/projections/fold"
	"cairn/projections/view"
)

// An object that comes back as it was shown is what is stored; and what differs
// between the two is what Life calls the fold's.
func TestLifeNamesWhatTheFoldOwns(t *testing.T) {
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
		shown := rendered(t, below.DeepCopyObject().(Object), &view.Object{Ref: events.Ref{Kind: name}, Projected: p})
		paths := different("", fields(t, below), fields(t, shown))
		if len(paths) == 0 {
			t.Errorf("%s: nothing is shown", name)
		}
		for _, p := range paths {
			if !slices.Contains(k.Life, Share{p, Fold}) {
				t.Errorf("%s: the fold writes %s, and Life does not say so", name, p)
			}
		}
		in := shown.DeepCopyObject().(Object)
		k.Strip(in, shown, below)
		if !reflect.DeepEqual(in, below) {
			t.Errorf("%s:\n stripped %+v\n stored   %+v", name, in, below)
		}
	}
}

func fields(t *testing.T, o Object) map[string]any {
	t.Helper()
	b, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	m := map[string]any{}
	if err := json.Unmarshal(b, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

// different lists the paths by which two objects differ: of lists of equal
// length their elements' fields, as in ports[].nodePort.
func different(at string, a, b any) []string {
	x, isMap := a.(map[string]any)
	y, areMaps := b.(map[string]any)
	if isMap && areMaps {
		var list []string
		for k := range y {
			p := k
			if at != "" {
				p = at + "." + k
			}
			if x[k] == nil && (k == "status" || k == "spec") {
				x[k] = map[string]any{}
			}
			list = append(list, different(p, x[k], y[k])...)
		}
		return list
	}
	l, isList := a.([]any)
	m, areLists := b.([]any)
	if isList && areLists && len(l) == len(m) {
		var list []string
		for i := range l {
			list = append(list, different(at+"[]", l[i], m[i])...)
		}
		return list
	}
	if reflect.DeepEqual(a, b) {
		return nil
	}
	return []string{at}
}
