package worldtest

import (
	"encoding/json"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/yaml"

	"cairn/events"
	"cairn/reconcilers/reconcile"
)

// kinds names the resources of what scenarios write, by Kubernetes' kind.
var kinds = map[string]string{
	"Pod": events.Pods, "Namespace": events.Namespaces, "Node": events.Nodes, "ConfigMap": events.ConfigMaps, "Secret": events.Secrets,
	"ServiceAccount": events.ServiceAccounts, "ReplicationController": events.ReplicationCtrl, "ReplicaSet": events.ReplicaSets,
	"Deployment": events.Deployments, "Service": events.Services,
}

// clusterWide are those of them that are in no namespace.
var clusterWide = map[string]bool{events.Namespaces: true, events.Nodes: true}

// kindOf gives the kind that a path of the API is about.
func kindOf(path string) string {
	parts := strings.Split(strings.TrimPrefix(path, "/"), "/")
	group := ""
	if parts[0] == "apis" {
		group, parts = "."+parts[1], parts[1:]
	}
	parts = parts[2:]
	if parts[0] == "namespaces" && len(parts) > 2 && parts[2] != "finalize" && parts[2] != "status" {
		parts = parts[2:]
	}
	return parts[0] + group
}

func pathOf(ref events.Ref, subresource string) string {
	r := reconcile.Request{Method: "GET", Ref: ref, Subresource: subresource}
	return r.Path()
}

func (w *World) alice() rest.Interface { return w.Client("alice").CoreV1().RESTClient() }

// Apply writes objects as a person does with kubectl apply --server-side: fields
// that the last one named and this one does not are taken back. In the text,
// uid(KIND/NAMESPACE/NAME) stands for that object's uid.
func (w *World) Apply(text string) error {
	for _, doc := range strings.Split(text, "\n---\n") {
		doc, err := w.names.real(w, doc)
		if err != nil {
			return err
		}
		var o unstructured.Unstructured
		if err := yaml.Unmarshal([]byte(doc), &o.Object); err != nil {
			return err
		}
		kind := kinds[o.GetKind()]
		if kind == "" {
			return fmt.Errorf("scenarios have no kind %q", o.GetKind())
		}
		if o.GetNamespace() == "" && !clusterWide[kind] {
			o.SetNamespace("default")
		}
		if err := w.apply(events.Ref{Kind: kind, Namespace: o.GetNamespace(), Name: o.GetName()}, &o); err != nil {
			return err
		}
	}
	w.Settled()
	return nil
}

// Crowd creates pods that ask for some cores each.
func (w *World) Crowd(n int, cores string) error {
	pods := w.Client("alice").CoreV1().Pods("default")
	for i := range n {
		p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("crowd-%04d", i)}}
		p.Spec.Containers = []corev1.Container{{Name: "c", Image: "i", Resources: corev1.ResourceRequirements{
			Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse(cores)}}}}
		if _, err := pods.Create(w.ctx, p, metav1.CreateOptions{}); err != nil {
			return err
		}
	}
	w.Settled()
	return nil
}

func (w *World) apply(ref events.Ref, o *unstructured.Unstructured) error {
	body, err := json.Marshal(o.Object)
	if err != nil {
		return err
	}
	return w.alice().Patch(types.ApplyPatchType).AbsPath(pathOf(ref, "")).Param("fieldManager", "alice").Param("force", "true").Body(body).Do(w.ctx).Error()
}

// Delete ends an object as a person does; policy empty: as the kind has it.
func (w *World) Delete(ref events.Ref, policy metav1.DeletionPropagation) error {
	options := metav1.DeleteOptions{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "DeleteOptions"}}
	if policy != "" {
		options.PropagationPolicy = &policy
	}
	body, err := json.Marshal(options)
	if err != nil {
		return err
	}
	err = w.alice().Delete().AbsPath(pathOf(ref, "")).SetHeader("Content-Type", "application/json").Body(body).Do(w.ctx).Error()
	w.Settled()
	return err
}

// Patch merges into an object as a person does.
func (w *World) Patch(ref events.Ref, patch map[string]any) error {
	body, err := json.Marshal(patch)
	if err != nil {
		return err
	}
	err = w.alice().Patch(types.MergePatchType).AbsPath(pathOf(ref, "")).Body(body).Do(w.ctx).Error()
	w.Settled()
	return err
}

// List gives a kind's objects as the API shows them, those of the server's own
// start left out.
func (w *World) List(kind string) (out []unstructured.Unstructured) {
	b, err := w.alice().Get().AbsPath(pathOf(events.Ref{Kind: kind}, "")).SetHeader("Accept", "application/json").Do(w.ctx).Raw()
	w.Must(err)
	var list unstructured.UnstructuredList
	w.Must(json.Unmarshal(b, &list))
	for _, o := range list.Items {
		ref := events.Ref{Kind: kind, Namespace: o.GetNamespace(), Name: o.GetName()}
		if v, err := w.Cell.Get(ref, 0); err == nil && v.Created.Offset(w.Cell.Position().R0) < w.First && o.GetName() != "default" {
			continue
		}
		out = append(out, o)
	}
	return out
}
