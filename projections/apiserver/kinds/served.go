package kinds

import (
	appsv1 "k8s.io/api/apps/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"cairn/events"
	"cairn/projections/view"
)

// Object is a Kubernetes object with metadata.
type Object interface {
	metav1.Object
	runtime.Object
}

// Kind is one served kind, in its stored version.
type Kind struct {
	Name       string // as in events.Ref
	Version    schema.GroupVersionKind
	Namespaced bool
	Sealed     bool // bodies are encrypted before they reach the ledger
	New        func() Object

	// Facts adds what the fold must know beyond the common fields; may be nil.
	Facts func(Object, *events.Facts)
	// Lay writes the projected fields into an object that was copied; may be nil.
	Lay func(Object, *view.Object)
	// Keep takes the projected fields out of an object on its way in: shown is
	// what the client saw, stored what lies below it; both nil on create. May be nil.
	Keep func(in, shown, stored Object)
	// Whole renders an object that has no stored part, created at the time given;
	// nil: there are none.
	Whole func(v *view.Object, created metav1.Time) Object
}

// Resource is the kind's group and resource.
func (k *Kind) Resource() schema.GroupResource { return schema.ParseGroupResource(k.Name) }

var (
	core         = schema.GroupVersion{Version: "v1"}
	apps         = schema.GroupVersion{Group: "apps", Version: "v1"}
	rbac         = schema.GroupVersion{Group: "rbac.authorization.k8s.io", Version: "v1"}
	discovery    = schema.GroupVersion{Group: "discovery.k8s.io", Version: "v1"}
	coordination = schema.GroupVersion{Group: "coordination.k8s.io", Version: "v1"}
)

// RBAC's kinds, as in events.Ref.
const (
	Roles               = "roles.rbac.authorization.k8s.io"
	RoleBindings        = "rolebindings.rbac.authorization.k8s.io"
	ClusterRoles        = "clusterroles.rbac.authorization.k8s.io"
	ClusterRoleBindings = "clusterrolebindings.rbac.authorization.k8s.io"
)

// Served lists the kinds, each once.
func Served() []*Kind {
	return []*Kind{
		{Name: events.Namespaces, Version: core.WithKind("Namespace"), New: func() Object { return &corev1.Namespace{} }, Facts: namespaceFacts},
		{Name: events.Nodes, Version: core.WithKind("Node"), New: func() Object { return &corev1.Node{} }, Facts: nodeFacts, Lay: layNode, Keep: keepNode},
		{Name: events.Pods, Version: core.WithKind("Pod"), Namespaced: true, New: func() Object { return &corev1.Pod{} }, Facts: podFacts, Lay: layPod, Keep: keepPod},
		{Name: events.Services, Version: core.WithKind("Service"), Namespaced: true, New: func() Object { return &corev1.Service{} }, Facts: serviceFacts, Lay: layService, Keep: keepService},
		{Name: events.Endpoints, Version: core.WithKind("Endpoints"), Namespaced: true, New: func() Object { return &corev1.Endpoints{} }, Facts: endpointsFacts, Whole: wholeEndpoints},
		{Name: events.ReplicationCtrl, Version: core.WithKind("ReplicationController"), Namespaced: true, New: func() Object { return &corev1.ReplicationController{} },
			Facts: controllerFacts, Lay: layController, Keep: keepController},
		{Name: events.ConfigMaps, Version: core.WithKind("ConfigMap"), Namespaced: true, New: func() Object { return &corev1.ConfigMap{} }, Facts: configMapFacts},
		{Name: events.Secrets, Version: core.WithKind("Secret"), Namespaced: true, Sealed: true, New: func() Object { return &corev1.Secret{} }, Facts: secretFacts},
		{Name: events.ServiceAccounts, Version: core.WithKind("ServiceAccount"), Namespaced: true, New: func() Object { return &corev1.ServiceAccount{} }},
		{Name: events.Events, Version: core.WithKind("Event"), Namespaced: true, New: func() Object { return &corev1.Event{} }, Whole: wholeEvent},
		{Name: events.ReplicaSets, Version: apps.WithKind("ReplicaSet"), Namespaced: true, New: func() Object { return &appsv1.ReplicaSet{} },
			Facts: replicaSetFacts, Lay: layReplicaSet, Keep: keepReplicaSet},
		{Name: events.Deployments, Version: apps.WithKind("Deployment"), Namespaced: true, New: func() Object { return &appsv1.Deployment{} },
			Facts: deploymentFacts, Lay: layDeployment, Keep: keepDeployment},
		{Name: events.EndpointSlices, Version: discovery.WithKind("EndpointSlice"), Namespaced: true, New: func() Object { return &discoveryv1.EndpointSlice{} },
			Facts: sliceFacts, Whole: wholeSlice},
		{Name: events.Leases, Version: coordination.WithKind("Lease"), Namespaced: true, New: func() Object { return &coordinationv1.Lease{} }},
		{Name: Roles, Version: rbac.WithKind("Role"), Namespaced: true, New: func() Object { return &rbacv1.Role{} }},
		{Name: RoleBindings, Version: rbac.WithKind("RoleBinding"), Namespaced: true, New: func() Object { return &rbacv1.RoleBinding{} }},
		{Name: ClusterRoles, Version: rbac.WithKind("ClusterRole"), New: func() Object { return &rbacv1.ClusterRole{} }},
		{Name: ClusterRoleBindings, Version: rbac.WithKind("ClusterRoleBinding"), New: func() Object { return &rbacv1.ClusterRoleBinding{} }},
	}
}
