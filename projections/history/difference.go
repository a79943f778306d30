package history

import (
	"fmt"
	"slices"
	"strings"

	"cairn/events"
)

// difference says in words what an update changed, as far as facts tell;
// empty where they tell nothing.
func difference(a, b *events.Facts) string {
	if a == nil || b == nil {
		return ""
	}
	var said []string
	say := func(format string, args ...any) { said = append(said, fmt.Sprintf(format, args...)) }
	if a.Workload != nil && b.Workload != nil {
		if a.Workload.Replicas != b.Workload.Replicas {
			say("replicas %d -> %d", a.Workload.Replicas, b.Workload.Replicas)
		}
		if a.Workload.TemplateHash != b.Workload.TemplateHash {
			say("another pod template")
		}
	}
	if a.Deployment != nil && b.Deployment != nil && a.Deployment.Paused != b.Deployment.Paused {
		say("paused %t -> %t", a.Deployment.Paused, b.Deployment.Paused)
	}
	if a.Node != nil && b.Node != nil {
		if a.Node.Unschedulable != b.Node.Unschedulable {
			say("unschedulable %t -> %t", a.Node.Unschedulable, b.Node.Unschedulable)
		}
		if !slices.Equal(a.Node.Taints, b.Node.Taints) {
			say("taints")
		}
	}
	if a.Service != nil && b.Service != nil {
		if a.Service.Type != b.Service.Type {
			say("type %s -> %s", a.Service.Type, b.Service.Type)
		}
		if !slices.Equal(a.Service.Selector, b.Service.Selector) {
			say("selector")
		}
		if !slices.Equal(a.Service.Ports, b.Service.Ports) {
			say("ports")
		}
	}
	if !slices.Equal(a.Labels, b.Labels) {
		say("labels")
	}
	if !slices.Equal(a.Finalizers, b.Finalizers) {
		say("finalizers")
	}
	if !slices.Equal(a.Sizes, b.Sizes) {
		say("keys or sizes of values")
	}
	if len(said) == 0 {
		return ""
	}
	return " (" + strings.Join(said, ", ") + ")"
}
