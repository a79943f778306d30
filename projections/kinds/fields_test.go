package kinds

import (
	"testing"

	corev1 "k8s.io/api/core/v1"

	"cairn/events"
	"cairn/projections/fold"
	"cairn/projections/view"
)

func TestSelectorsAreDecidedByRowsAsByObjects(t *testing.T) {
	e := &view.Object{Ref: events.Ref{Kind: events.Events, Namespace: "default", Name: "web.1"}, Event: &view.Event{KubeEvent: fold.KubeEvent{
		Regarding: events.Ref{Kind: events.Pods, Namespace: "default", Name: "web"}, RegardingUID: "u", Reason: "Started", Note: "Started container c"}}}
	shown := rendered(t, nil, e).(*corev1.Event)
	for path, want := range map[string]string{"involvedObject.name": shown.InvolvedObject.Name, "involvedObject.uid": string(shown.InvolvedObject.UID),
		"involvedObject.namespace": shown.InvolvedObject.Namespace, "reason": shown.Reason, "metadata.name": shown.Name, "metadata.namespace": shown.Namespace} {
		if got, known := kind(t, events.Events).FieldOf(e, path); !known || got != want || got == "" {
			t.Errorf("%s: %q %t, want %q", path, got, known, want)
		}
	}
	if _, known := kind(t, events.Events).FieldOf(e, "type"); known {
		t.Error("what a row does not tell is left to the object")
	}
	for _, p := range []*fold.PodState{{}, {Node: "n1", Placed: 7}} {
		o := &view.Object{Ref: events.Ref{Kind: events.Pods}, Facts: &events.Facts{Pod: &events.Pod{}}, Projected: &view.Projected{Pod: p}}
		pod := rendered(t, &corev1.Pod{}, o).(*corev1.Pod)
		if got, known := kind(t, events.Pods).FieldOf(o, "spec.nodeName"); !known || got != pod.Spec.NodeName {
			t.Errorf("spec.nodeName: %q %t, want %q", got, known, pod.Spec.NodeName)
		}
	}
}
