package namespaces

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"cairn/events"
	"cairn/reconcilers/step"
)

// Names of what every active namespace has.
const (
	account = "default"
	rootCA  = "kube-root-ca.crt"
)

// Reconciler implements step.Reconciler.
type Reconciler struct {
	CA string // PEM, of the cell; what pods trust the API server by
}

// About says what namespaces reads and does. It reads every kind followed.
func (Reconciler) About() step.Card {
	return step.Card{Name: "namespaces", Reads: []string{events.Namespaces, events.ServiceAccounts, events.ConfigMaps},
		Emits: []string{"create serviceaccounts", "create configmaps", "patch configmaps", "delete *", "update namespaces/finalize"}}
}

// Keys is the namespace of what changed, while that matters: it ends, or one
// of the two things that it always has is concerned.
func (Reconciler) Keys(p *step.Picture, c step.Change) []events.Ref {
	ref := c.Ref()
	if ref.Kind == events.Namespaces {
		return []events.Ref{ref}
	}
	key := events.Ref{Kind: events.Namespaces, Name: ref.Namespace}
	ns := p.Get(key)
	if ns == nil || ns.Facts.Deleting == 0 && !furniture(ref) {
		return nil
	}
	return []events.Ref{key}
}

func furniture(ref events.Ref) bool {
	return ref.Kind == events.ServiceAccounts && ref.Name == account || ref.Kind == events.ConfigMaps && ref.Name == rootCA
}

// Needs the config map's body, to see whether it was altered, and a
// namespace's that ends.
func (Reconciler) Needs(p *step.Picture, key events.Ref) []events.Ref {
	if ns := p.Get(key); ns == nil || ns.Facts.Deleting != 0 {
		return []events.Ref{key}
	}
	return []events.Ref{{Kind: events.ConfigMaps, Namespace: key.Name, Name: rootCA}}
}

// Step plans for one namespace.
func (r Reconciler) Step(in step.Input) (plan step.Plan) {
	ns := in.Object()
	switch {
	case ns == nil:
	case ns.Facts.Deleting == 0:
		r.furnish(in, ns, &plan)
	default:
		empty(in, ns, &plan)
	}
	return plan
}

func (r Reconciler) furnish(in step.Input, ns *step.Object, plan *step.Plan) {
	cause := step.Causes(in.Picture.Offset(ns.Created))
	sa := events.Ref{Kind: events.ServiceAccounts, Namespace: ns.Ref.Name, Name: account}
	if in.Picture.Get(sa) == nil {
		plan.Add(step.Intent{Cause: cause, Reason: "every namespace has one", Request: step.Create(sa, &corev1.ServiceAccount{
			TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "ServiceAccount"}, ObjectMeta: metav1.ObjectMeta{Name: account, Namespace: ns.Ref.Name}})})
	}
	if r.CA == "" {
		return
	}
	ref := events.Ref{Kind: events.ConfigMaps, Namespace: ns.Ref.Name, Name: rootCA}
	o := in.Picture.Get(ref)
	if o == nil {
		plan.Add(step.Intent{Cause: cause, Reason: "every namespace has it, for its pods to trust the API server by", Request: step.Create(ref, &corev1.ConfigMap{
			TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"}, ObjectMeta: metav1.ObjectMeta{Name: rootCA, Namespace: ns.Ref.Name},
			Data: map[string]string{"ca.crt": r.CA}})})
		return
	}
	if body, ok := in.Bodies[ref].(*corev1.ConfigMap); ok && o.Facts.Deleting == 0 && body.Data["ca.crt"] != r.CA {
		plan.Add(step.Intent{Cause: step.Causes(in.Picture.Offset(o.Written)), Reason: "it must hold the cell's certificate",
			Request: step.Patch(o, "", step.MergePatch, true, map[string]any{"data": map[string]string{"ca.crt": r.CA}})})
	}
}

// order puts what makes other objects in front; the rest follows by kind.
var order = []string{events.Deployments, events.ReplicaSets, events.ReplicationCtrl, events.Services, events.Pods}

func empty(in step.Input, ns *step.Object, plan *step.Plan) {
	left := in.Picture.In(ns.Ref.Name)
	slices.SortStableFunc(left, func(a, b *step.Object) int { return rank(a) - rank(b) })
	cause := step.Causes(ns.Asked)
	for _, o := range left {
		if o.Facts.Deleting == 0 {
			plan.Add(step.Intent{Cause: cause, Reason: fmt.Sprintf("namespace %s is being deleted", ns.Ref.Name),
				Request: step.Delete(o, metav1.DeletePropagationBackground)})
		}
	}
	if len(left) > 0 {
		return
	}
	body, ok := in.Bodies[ns.Ref].(*corev1.Namespace)
	if !ok || len(body.Spec.Finalizers) == 0 {
		return
	}
	end := body.DeepCopy()
	end.TypeMeta = metav1.TypeMeta{APIVersion: "v1", Kind: "Namespace"}
	end.ResourceVersion = ns.Revision.String()
	end.Spec.Finalizers = slices.DeleteFunc(end.Spec.Finalizers, func(f corev1.FinalizerName) bool { return f == corev1.FinalizerKubernetes })
	plan.Add(step.Intent{Cause: cause, Reason: "nothing is left in it", Request: step.Put(ns, "finalize", end)})
}

func rank(o *step.Object) int {
	if i := slices.Index(order, o.Ref.Kind); i >= 0 {
		return i
	}
	return len(order)
}
