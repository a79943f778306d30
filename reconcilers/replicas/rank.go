package replicas

import (
	"cmp"
	"slices"

	"cairn/events"
	"cairn/reconcilers/reconcile"
)

// surplus orders a workload's pods by who should go first, as Kubernetes'
// replica set controller does (KEP-2185 without the cost annotation).
func surplus(c *reconcile.Cache, w *reconcile.Object, active []*reconcile.Object) []*reconcile.Object {
	related := map[string]int{}
	for _, o := range siblings(c, w) {
		if reconcile.Active(o) {
			related[o.Pod().Node]++
		}
	}
	list := slices.Clone(active)
	slices.SortStableFunc(list, func(a, b *reconcile.Object) int {
		x, y := a.Pod(), b.Pod()
		return cmp.Or(
			before(x.Node == "", y.Node == ""),
			before(x.Lost, y.Lost),
			before(x.Phase == events.Pending, y.Phase == events.Pending),
			before(!x.Ready, !y.Ready),
			cmp.Compare(related[y.Node], related[x.Node]),
			cmp.Compare(y.ReadyAt, x.ReadyAt),
			cmp.Compare(b.Created, a.Created),
		)
	})
	return list
}

// siblings are the pods of the workload and of the others of its controller:
// during a rollout old and new pods share nodes.
func siblings(c *reconcile.Cache, w *reconcile.Object) []*reconcile.Object {
	owner := w.Controller()
	if owner == nil {
		return c.Controlled(w, events.Pods)
	}
	var list []*reconcile.Object
	for _, o := range c.Dependents(owner.UID) {
		if o.Ref.Kind == w.Ref.Kind && o.Ref.Namespace == w.Ref.Namespace {
			list = append(list, c.Controlled(o, events.Pods)...)
		}
	}
	return list
}

func before(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	}
	return 1
}
