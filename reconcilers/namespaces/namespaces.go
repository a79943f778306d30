package namespaces

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"cairn/events"
	"cairn/reconcilers/reconcile"
)

// Names of what every active namespace has.
const (
	account = "default"
	rootCA  = "kube-root-ca.crt"
)

// Reconciler implements reconcile.Reconciler.
type Reconciler struct {
	CA string // PEM, of the cell; what pods trust the API server by
}

// Describe says what namespaces reads and does.
func (Reconciler) Describe() reconcile.Description {
	return reconcile.Description{Name: "namespaces", Reads: []string{events.Namespaces}, Watches: []string{"*"},
		Emits: []string{"create serviceaccounts", "create configmaps", "patch configmaps", "delete *", "update namespaces/finalize"}}
}

// Keys is the namespace of what changed, while that matters: it ends, or one
// of the two things that it always has is concerned.
func (Reconciler) Keys(c *reconcile.Cache, change reconcile.Change) []events.Ref {
	ref := change.Ref
	if ref.Kind == events.Namespaces {
		return []events.Ref{ref}
	}
	key := events.Ref{Kind: events.Namespaces, Name: ref.Namespace}
	ns := c.Get(key)
	if ns == nil || ns.Facts.Deleting == 0 && !isDefault(ref) {
		return nil
	}
	return []events.Ref{key}
}

func isDefault(ref events.Ref) bool {
	return ref.Kind == events.ServiceAccounts && ref.Name == account || ref.Kind == events.ConfigMaps && ref.Name == rootCA
}

// Needs the two defaults, with the config map's body to see whether it was
// altered; of a namespace that ends, its body and what is left in it.
func (Reconciler) Needs(c *reconcile.Cache, key events.Ref) []reconcile.Need {
	ns := c.Get(key)
	switch {
	case ns == nil:
		return nil
	case ns.Facts.Deleting != 0:
		return []reconcile.Need{{Ref: key, Body: true}, {Ref: events.Ref{Namespace: key.Name}}}
	}
	return []reconcile.Need{{Ref: events.Ref{Kind: events.ServiceAccounts, Namespace: key.Name, Name: account}},
		{Ref: events.Ref{Kind: events.ConfigMaps, Namespace: key.Name, Name: rootCA}, Body: true}}
}

// Reconcile plans for one namespace.
func (r Reconciler) Reconcile(in reconcile.Input) (plan reconcile.Plan) {
	ns := in.Object()
	switch {
	case ns == nil:
	case ns.Facts.Deleting == 0:
		r.addDefaults(in, ns, &plan)
	default:
		empty(in, ns, &plan)
	}
	return plan
}

func (r Reconciler) addDefaults(in reconcile.Input, ns *reconcile.Object, plan *reconcile.Plan) {
	cause := reconcile.Causes(in.Cache.Offset(ns.Created))
	sa := events.Ref{Kind: events.ServiceAccounts, Namespace: ns.Ref.Name, Name: account}
	if in.Found[sa] == nil {
		plan.Add(reconcile.Intent{Cause: cause, Reason: "every namespace has one", Request: reconcile.Create(sa, &corev1.ServiceAccount{
			TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "ServiceAccount"}, ObjectMeta: metav1.ObjectMeta{Name: account, Namespace: ns.Ref.Name}})})
	}
	if r.CA == "" {
		return
	}
	ref := events.Ref{Kind: events.ConfigMaps, Namespace: ns.Ref.Name, Name: rootCA}
	o := in.Found[ref]
	if o == nil {
		plan.Add(reconcile.Intent{Cause: cause, Reason: "every namespace has it, for its pods to trust the API server by", Request: reconcile.Create(ref, &corev1.ConfigMap{
			TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"}, ObjectMeta: metav1.ObjectMeta{Name: rootCA, Namespace: ns.Ref.Name},
			Data: map[string]string{"ca.crt": r.CA}})})
		return
	}
	if body, ok := in.Bodies[ref].(*corev1.ConfigMap); ok && o.Facts.Deleting == 0 && body.Data["ca.crt"] != r.CA {
		plan.Add(reconcile.Intent{Cause: reconcile.Causes(in.Cache.Offset(o.Written)), Reason: "it must hold the cell's certificate",
			Request: reconcile.Patch(o, "", reconcile.MergePatch, true, map[string]any{"data": map[string]string{"ca.crt": r.CA}})})
	}
}

// order puts what makes other objects in front; the rest follows by kind.
var order = []string{events.Deployments, events.ReplicaSets, events.ReplicationCtrl, events.Services, events.Pods}

func empty(in reconcile.Input, ns *reconcile.Object, plan *reconcile.Plan) {
	left := slices.Clone(in.Listed)
	slices.SortStableFunc(left, func(a, b *reconcile.Object) int { return rank(a) - rank(b) })
	cause := reconcile.Causes(ns.Desired)
	for _, o := range left {
		plan.Add(reconcile.Intent{Cause: cause, Reason: fmt.Sprintf("namespace %s is being deleted", ns.Ref.Name),
			Request: reconcile.Delete(o, metav1.DeletePropagationBackground)})
	}
	if in.Remaining > 0 {
		return
	}
	body, ok := in.Bodies[ns.Ref].(*corev1.Namespace)
	if !ok || len(body.Spec.Finalizers) == 0 {
		return
	}
	end := body.DeepCopy()
	end.TypeMeta = metav1.TypeMeta{APIVersion: "v1", Kind: "Namespace"}
	end.ResourceVersion, end.ManagedFields = ns.Revision.String(), nil // who wrote what stays as it is
	end.Spec.Finalizers = slices.DeleteFunc(end.Spec.Finalizers, func(f corev1.FinalizerName) bool { return f == corev1.FinalizerKubernetes })
	plan.Add(reconcile.Intent{Cause: cause, Reason: "nothing is left in it", Request: reconcile.Put(ns, "finalize", end)})
}

func rank(o *reconcile.Object) int {
	if i := slices.Index(order, o.Ref.Kind); i >= 0 {
		return i
	}
	return len(order)
}
