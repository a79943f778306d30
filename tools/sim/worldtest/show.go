package worldtest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"cairn/events"
	"cairn/projections/message"
	"cairn/reconcilers/reconcile"
)

// plan prints what is asked or recorded, why, because of which records.
func (w *World) plan(p reconcile.Plan) string {
	var b strings.Builder
	for _, i := range p.Intents {
		why := i.Reason
		if r := i.Record; r != nil {
			fmt.Fprintf(&b, "%s %s", r.Type, r.Subject)
			if pl := r.Facts.Placement; pl != nil {
				fmt.Fprintf(&b, " on %s", pl.Node)
				why = message.Decision(pl.Decision)
			}
			if r.Facts.Decision != nil {
				why = message.Decision(r.Facts.Decision)
			}
		} else {
			fmt.Fprintf(&b, "%s %s", i.Request.Method, i.Request.Path())
		}
		var causes []string
		for _, o := range i.Cause {
			if o < w.First {
				causes = append(causes, "start")
			} else {
				causes = append(causes, fmt.Sprint(o-w.First))
			}
		}
		fmt.Fprintf(&b, "\n  because of [%s]: %s\n", strings.Join(causes, " "), why)
		if i.Request != nil && i.Request.Method != "DELETE" {
			fmt.Fprintf(&b, "  %s\n", i.Request.Body)
		}
	}
	if !p.Due.IsZero() {
		fmt.Fprintf(&b, "look again in %s\n", time.Until(p.Due))
	}
	return b.String()
}

// count tells how many records of each type came since it was last asked.
func (p *player) count() string {
	n := map[string]int{}
	for _, e := range p.w.Records(p.counted) {
		p.counted++
		n[string(e.Type)]++
	}
	var b strings.Builder
	for _, t := range slices.Sorted(maps.Keys(n)) {
		fmt.Fprintf(&b, "%d %s\n", n[t], t)
	}
	return b.String()
}

// All prints what reconcilers and nodes work on.
func (w *World) All() string {
	var b strings.Builder
	for _, kind := range []string{events.Nodes, events.Deployments, events.ReplicaSets, events.Pods} {
		b.WriteString(kind + "\n" + w.Shown(w.Show(kind)))
	}
	return b.String()
}

// Show prints what there is of a kind, a line each.
func (w *World) Show(kind string) string {
	var lines []string
	for _, o := range w.List(kind) {
		name := o.GetName()
		if o.GetNamespace() != "" {
			name = o.GetNamespace() + "/" + name
		}
		lines = append(lines, w.Shown(name)+line(kind, object{o}))
	}
	slices.Sort(lines)
	if len(lines) == 0 {
		return ""
	}
	return strings.Join(lines, "\n") + "\n"
}

// object reads fields by path, empty where they are not there.
type object struct{ unstructured.Unstructured }

func (o object) at(path ...string) any {
	v, ok, err := unstructured.NestedFieldNoCopy(o.Object, path...)
	if err != nil || !ok {
		return nil
	}
	return v
}

func (o object) text(path ...string) string {
	if v := o.at(path...); v != nil {
		return fmt.Sprint(v)
	}
	return ""
}

func (o object) num(path ...string) string {
	if s := o.text(path...); s != "" {
		return s
	}
	return "0"
}

// conditions gives what a status says, by type.
func (o object) conditions() (out []map[string]any) {
	list, _ := o.at("status", "conditions").([]any)
	for _, c := range list {
		if m, ok := c.(map[string]any); ok {
			out = append(out, m)
		}
	}
	return out
}

func (o object) condition(kind string) map[string]any {
	for _, c := range o.conditions() {
		if c["type"] == kind {
			return c
		}
	}
	return map[string]any{}
}

func line(kind string, o object) (s string) {
	if o.GetDeletionTimestamp() != nil {
		s += " deleting"
	}
	for _, f := range o.GetFinalizers() {
		s += " waits-for=" + f
	}
	for _, w := range o.GetOwnerReferences() {
		s += " of=" + w.Name
	}
	switch kind {
	case events.Pods:
		return s + podLine(o)
	case events.Nodes:
		return s + fmt.Sprintf(" ready=%t", o.condition("Ready")["status"] == "True")
	case events.ReplicaSets, events.ReplicationCtrl, events.Deployments:
		s += fmt.Sprintf(" wants=%s has=%s ready=%s available=%s", o.num("spec", "replicas"), o.num("status", "replicas"),
			o.num("status", "readyReplicas"), o.num("status", "availableReplicas"))
	default:
		return s
	}
	if kind == events.Deployments {
		s += fmt.Sprintf(" observed=%s/%d", o.num("status", "observedGeneration"), o.GetGeneration())
	}
	if r := o.GetAnnotations()["deployment.kubernetes.io/revision"]; r != "" {
		s += " revision=" + r
	}
	for _, c := range o.conditions() {
		s += fmt.Sprintf("\n  %s=%s %v: %v", c["type"], c["status"], c["reason"], c["message"])
	}
	return s
}

func podLine(o object) string {
	s := " " + o.text("status", "phase")
	if o.condition("Ready")["status"] == "True" {
		s += " ready"
	}
	if node := o.text("spec", "nodeName"); node != "" && o.condition("PodScheduled")["status"] != "False" {
		return s + " on=" + node
	}
	if why, _ := o.condition("PodScheduled")["message"].(string); why != "" {
		return s + fmt.Sprintf(" why=%q", why)
	}
	return s
}
