package kinds

import (
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"cairn/events"
)

// FactsOf extracts all that the fold may know of o.
func (k *Kind) FactsOf(r Registry, o Object, before Before) events.Facts {
	f := events.Facts{
		Labels:     pairs(o.GetLabels()),
		Finalizers: set(o.GetFinalizers()),
		Generation: uint64(max(o.GetGeneration(), 0)),
	}
	for _, ref := range o.GetOwnerReferences() {
		f.Owners = append(f.Owners, events.Owner{
			Kind: OwnerKind(r, ref.APIVersion, ref.Kind), Name: ref.Name, UID: string(ref.UID),
			Controller: ref.Controller != nil && *ref.Controller,
			Block:      ref.BlockOwnerDeletion != nil && *ref.BlockOwnerDeletion,
		})
	}
	if t := o.GetDeletionTimestamp(); t != nil {
		f.Deleting = t.Unix()
	}
	if g := o.GetDeletionGracePeriodSeconds(); g != nil {
		f.Grace = *g
	}
	if k.Extract != nil {
		k.Extract(o, before, &f)
	}
	return f
}

// pairs turns a map into a sorted list.
func pairs(m map[string]string) []events.Pair {
	if len(m) == 0 {
		return nil
	}
	list := make([]events.Pair, 0, len(m))
	for k, v := range m {
		list = append(list, events.Pair{Key: k, Value: v})
	}
	slices.SortFunc(list, func(a, b events.Pair) int { return strings.Compare(a.Key, b.Key) })
	return list
}

func set(list []string) []string {
	if len(list) == 0 {
		return nil
	}
	list = slices.Clone(list)
	slices.Sort(list)
	return slices.Compact(list)
}

func selector(s *metav1.LabelSelector) events.Selector {
	if s == nil {
		return events.Selector{}
	}
	var out events.Selector
	for _, p := range pairs(s.MatchLabels) {
		out.Requirements = append(out.Requirements, events.Requirement{Key: p.Key, Operator: "In", Values: []string{p.Value}})
	}
	for _, e := range s.MatchExpressions {
		out.Requirements = append(out.Requirements, events.Requirement{Key: e.Key, Operator: string(e.Operator), Values: set(e.Values)})
	}
	slices.SortFunc(out.Requirements, func(a, b events.Requirement) int {
		if c := strings.Compare(a.Key, b.Key); c != 0 {
			return c
		}
		return strings.Compare(a.Operator, b.Operator)
	})
	return out
}

func sizes[V string | []byte](m map[string]V, f *events.Facts) {
	for k, v := range m {
		f.Sizes = append(f.Sizes, events.Size{Key: k, Bytes: uint64(len(v))})
	}
	slices.SortFunc(f.Sizes, func(a, b events.Size) int { return strings.Compare(a.Key, b.Key) })
}
