package kinds

import (
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"cairn/events"
	"cairn/projections/view"
)

// coreEvents are rendered from what the fold told; nobody writes one.
func coreEvents() *Kind {
	return &Kind{Name: events.Events, Version: core.WithKind("Event"), Namespaced: true, Bodiless: true, Said: "event", Short: []string{"ev"},
		New: func() Object { return &corev1.Event{} }, Render: renderEvent, Field: fieldOfEvent, Life: []Share{{"all of it", Fold}}}
}

func fieldOfEvent(v *view.Object, path string) (string, bool) {
	if v.Projected == nil || v.Projected.Event == nil {
		return "", false
	}
	p := v.Projected.Event
	switch path {
	case "involvedObject.name":
		return p.Regarding.Name, true
	case "involvedObject.namespace":
		return p.Regarding.Namespace, true
	case "involvedObject.uid":
		return p.RegardingUID, true
	case "reason":
		return p.Reason, true
	}
	return "", false
}

// renderEvent shows a row; names and uids derive from the record.
func renderEvent(o Object, v *view.Object, r Reader) (Object, error) {
	e := &corev1.Event{ObjectMeta: meta(v, r)}
	if v.Projected == nil || v.Projected.Event == nil {
		return e, nil
	}
	p := v.Projected.Event
	when := at(p.Time)
	if e.CreationTimestamp.IsZero() {
		e.CreationTimestamp = when
	}
	e.FirstTimestamp, e.LastTimestamp, e.Count = when, when, 1
	e.Reason, e.Message, e.Type = p.Reason, p.Message, corev1.EventTypeNormal
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
	e.Source.Component, e.ReportingController = p.Component, strings.ReplaceAll(p.Component, " ", "/")
	if node, ok := strings.CutPrefix(p.Component, "node "); ok {
		e.Source.Host = node
	}
	return e, nil
}
