package kinds

import (
	"math"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"cairn/events"
	"cairn/projections/message"
	"cairn/projections/view"
)

// coreEvents are rendered from what the fold gave in codes; nobody writes one.
func coreEvents() *Kind {
	return &Kind{Name: events.Events, Version: core.WithKind("Event"), Namespaced: true, Bodiless: true, Said: "event", Short: []string{"ev"},
		New: func() Object { return &corev1.Event{} }, Render: renderEvent, Field: fieldOfEvent,
		Life: []Share{{"all of it, and its end with age", Fold}}}
}

func fieldOfEvent(v *view.Object, path string) (string, bool) {
	if v.Event == nil {
		return "", false
	}
	switch path {
	case "involvedObject.name":
		return v.Event.Regarding.Name, true
	case "involvedObject.namespace":
		return v.Event.Regarding.Namespace, true
	case "involvedObject.uid":
		return v.Event.RegardingUID, true
	case "reason":
		reason, _ := message.Event(&v.Event.KubeEvent)
		return reason, true
	}
	return "", false
}

// renderEvent shows a series; its name and uid derive from what it is about.
func renderEvent(_ Object, v *view.Object, r Reader) (Object, error) {
	e := &corev1.Event{ObjectMeta: metav1.ObjectMeta{Namespace: v.Ref.Namespace, Name: v.Ref.Name, UID: types.UID(v.UID)}}
	p := v.Event
	if p == nil {
		return e, nil
	}
	e.CreationTimestamp, e.FirstTimestamp, e.LastTimestamp = at(p.First), at(p.First), at(p.Last)
	e.Count = int32(min(p.Count, math.MaxInt32))
	e.Reason, e.Message = message.Event(&p.KubeEvent)
	e.Type = corev1.EventTypeNormal
	if p.Warning {
		e.Type = corev1.EventTypeWarning
	}
	gvk := schema.GroupVersionKind{Kind: p.Regarding.Kind}
	if k := r.Kind(p.Regarding.Kind); k != nil {
		gvk = k.Version
	}
	e.InvolvedObject = corev1.ObjectReference{Kind: gvk.Kind, APIVersion: gvk.GroupVersion().String(), Namespace: p.Regarding.Namespace,
		Name: p.Regarding.Name, UID: types.UID(p.RegardingUID)}
	if p.Container != "" {
		e.InvolvedObject.FieldPath = "spec.containers{" + p.Container + "}"
	}
	e.Source.Component, e.ReportingController = message.Source(p.Source), p.Source
	if node, ok := strings.CutPrefix(p.Source, "node/"); ok {
		e.Source.Host = node
	}
	return e, nil
}
