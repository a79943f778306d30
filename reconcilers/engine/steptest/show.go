package steptest

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"cairn/projections/view"
	"cairn/reconcilers/engine"
	"cairn/reconcilers/step"
)

// show prints a plan: what is asked or recorded, why, because of which records.
func show(p step.Plan, now time.Time) string {
	var b strings.Builder
	for _, i := range p.Intents {
		if i.Record != nil {
			fmt.Fprintf(&b, "%s %s", i.Record.Type, i.Record.Subject)
			if pl := i.Record.Facts.Placement; pl != nil {
				fmt.Fprintf(&b, " on %s", pl.Node)
			}
		} else {
			fmt.Fprintf(&b, "%s %s", i.Request.Method, i.Request.Path())
		}
		fmt.Fprintf(&b, "\n  because of %v: %s\n", i.Cause, i.Reason)
		if i.Request != nil && i.Request.Method != "DELETE" {
			fmt.Fprintf(&b, "  %s\n", i.Request.Body)
		}
	}
	if !p.Due.IsZero() {
		fmt.Fprintf(&b, "look again in %s\n", p.Due.Sub(now))
	}
	return b.String()
}

// Show prints what lives of a kind, one line each.
func (w *World) Show(kind string) string {
	var b strings.Builder
	list, _, _ := w.List(kind, view.Page{})
	for _, o := range list {
		fmt.Fprintf(&b, "%s%s\n", strings.TrimPrefix(o.Ref.String(), kind+"/"), line(o))
	}
	return b.String()
}

func line(o *view.Object) (s string) {
	if o.Facts.Deleting != 0 {
		s += " deleting"
	}
	for _, f := range o.Facts.Finalizers {
		s += " waits-for=" + f
	}
	for _, w := range o.Facts.Owners {
		s += " of=" + w.Name
	}
	switch {
	case o.Projected == nil:
	case o.Projected.Pod != nil:
		s += podLine(o)
	case o.Projected.Node != nil:
		s += fmt.Sprintf(" ready=%t", o.Projected.Node.Ready)
	}
	if o.Facts.Workload == nil {
		return s
	}
	s += fmt.Sprintf(" wants=%d", o.Facts.Workload.Replicas)
	if p := o.Projected; p != nil && p.Workload != nil {
		s += fmt.Sprintf(" has=%d ready=%d", p.Workload.Replicas, p.Workload.Ready)
	}
	body, err := engine.Decode(o)
	if err != nil {
		return s + " " + err.Error()
	}
	switch b := body.(type) {
	case *appsv1.ReplicaSet:
		s += fmt.Sprintf(" available=%d revision=%s%s", b.Status.AvailableReplicas, b.Annotations["deployment.kubernetes.io/revision"], mustConditions(b.Status.Conditions))
	case *corev1.ReplicationController:
		s += fmt.Sprintf(" available=%d%s", b.Status.AvailableReplicas, mustConditions(b.Status.Conditions))
	case *appsv1.Deployment:
		s += fmt.Sprintf(" available=%d observed=%d/%d revision=%s%s", b.Status.AvailableReplicas, b.Status.ObservedGeneration, b.Generation,
			b.Annotations["deployment.kubernetes.io/revision"], mustConditions(b.Status.Conditions))
	}
	return s
}

func podLine(o *view.Object) string {
	p := o.Projected.Pod
	s := " " + p.Phase.String()
	if p.Ready {
		s += " ready"
	}
	if p.Node != "" {
		s += " on=" + p.Node
	} else if p.Why != "" {
		s += " why=" + fmt.Sprintf("%q", p.Why)
	}
	return s
}

// mustConditions prints any kind's conditions.
func mustConditions(list any) (s string) {
	var all []struct{ Type, Status, Reason, Message string }
	if err := json.Unmarshal(mustJSON(list), &all); err != nil {
		panic(err)
	}
	for _, c := range all {
		s += fmt.Sprintf("\n  %s=%s %s: %s", c.Type, c.Status, c.Reason, c.Message)
	}
	return s
}
