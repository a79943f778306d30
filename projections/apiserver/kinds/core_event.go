package kinds

import (
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"cairn/projections/view"
)

var versions = map[string]schema.GroupVersionKind{}

func init() { // Served refers to wholeEvent, which refers to versions
	for _, k := range Served() {
		versions[k.Name] = k.Version
	}
}

// wholeEvent renders a row of the story; names and uids derive from the record.
func wholeEvent(v *view.Object, created metav1.Time) Object {
	e := &corev1.Event{ObjectMeta: meta(v, created)}
	if v.Projected == nil || v.Projected.Event == nil {
		return e
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
	gvk := versions[p.Regarding.Kind]
	if gvk.Kind == "" {
		gvk.Kind = p.Regarding.Kind
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
	return e
}
