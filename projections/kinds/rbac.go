package kinds

import (
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

var rbac = schema.GroupVersion{Group: "rbac.authorization.k8s.io", Version: "v1"}

// RBAC's kinds, as in events.Ref.
const (
	Roles               = "roles.rbac.authorization.k8s.io"
	RoleBindings        = "rolebindings.rbac.authorization.k8s.io"
	ClusterRoles        = "clusterroles.rbac.authorization.k8s.io"
	ClusterRoleBindings = "clusterrolebindings.rbac.authorization.k8s.io"
)

func roles() *Kind {
	return &Kind{Name: Roles, Version: rbac.WithKind("Role"), Verbatim: true, Namespaced: true, Said: "role", New: func() Object { return &rbacv1.Role{} }}
}

func roleBindings() *Kind {
	return &Kind{Name: RoleBindings, Version: rbac.WithKind("RoleBinding"), Namespaced: true, Said: "role binding",
		New: func() Object { return &rbacv1.RoleBinding{} }}
}

func clusterRoles() *Kind {
	return &Kind{Name: ClusterRoles, Version: rbac.WithKind("ClusterRole"), Verbatim: true, Said: "cluster role", New: func() Object { return &rbacv1.ClusterRole{} }}
}

func clusterRoleBindings() *Kind {
	return &Kind{Name: ClusterRoleBindings, Version: rbac.WithKind("ClusterRoleBinding"), Said: "cluster role binding",
		New: func() Object { return &rbacv1.ClusterRoleBinding{} }}
}
