package kinds

import (
	"cairn/events"
	"cairn/projections/view"
)

// Field is the value of a field that selectors ask for, where the view's row
// tells it without a body being decoded: a node's pods and an object's events
// are few among many.
func Field(o *view.Object, path string) (value string, known bool) {
	switch path {
	case "metadata.name":
		return o.Ref.Name, true
	case "metadata.namespace":
		return o.Ref.Namespace, true
	}
	switch {
	case o.Projected == nil:
	case o.Ref.Kind == events.Pods && o.Projected.Pod != nil && o.Facts != nil && o.Facts.Pod != nil && path == "spec.nodeName":
		if p := o.Projected.Pod; p.Placed != 0 {
			return p.Node, true
		}
		return o.Facts.Pod.NodeName, true
	case o.Ref.Kind == events.Events && o.Projected.Event != nil:
		p := o.Projected.Event
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
	}
	return "", false
}
