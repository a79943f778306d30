package authz

import (
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/kubernetes/plugin/pkg/auth/authorizer/rbac/bootstrappolicy"

	"cairn/projections/apiserver/calls"
)

// PastGroup and PastResource name the right to read the past: verb get.
const (
	PastGroup    = "cairn.dev"
	PastResource = "past"
)

// ReconcilerGroup is every reconciler's group.
const ReconcilerGroup = "system:cairn:reconcilers"

// Policy is what a cell grants from its first start.
type Policy struct {
	ClusterRoles        []rbacv1.ClusterRole
	ClusterRoleBindings []rbacv1.ClusterRoleBinding
	Roles               map[string][]rbacv1.Role
	RoleBindings        map[string][]rbacv1.RoleBinding
}

// Bootstrap is upstream's policy without its controllers' (ours have their
// own), the reconcilers' roles, and the right to read the past.
func Bootstrap() Policy {
	p := Policy{
		ClusterRoles:        bootstrappolicy.ClusterRoles(),
		ClusterRoleBindings: bootstrappolicy.ClusterRoleBindings(),
		Roles:               bootstrappolicy.NamespaceRoles(),
		RoleBindings:        bootstrappolicy.NamespaceRoleBindings(),
	}
	for _, name := range []string{"kube-system", "kube-public"} { // of controllers that are not here
		delete(p.Roles, name)
		delete(p.RoleBindings, name)
	}
	for name, rules := range reconcilers {
		p.add(calls.ReconcilerPrefix+name, rules, rbacv1.Subject{Kind: "User", APIGroup: rbacv1.GroupName, Name: calls.ReconcilerPrefix + name})
	}
	p.add("system:cairn:past", []rbacv1.PolicyRule{rule("get", PastGroup, PastResource)})
	p.add("system:cairn:reader", []rbacv1.PolicyRule{{Verbs: []string{"get"}, NonResourceURLs: []string{"/cairn/v1/*"}}, rule("get", PastGroup, PastResource)})
	p.add("system:cairn:node", []rbacv1.PolicyRule{{Verbs: []string{"get", "post"}, NonResourceURLs: []string{"/cairn/v1/nodes/*"}}},
		rbacv1.Subject{Kind: "Group", APIGroup: rbacv1.GroupName, Name: user.NodesGroup})
	return p
}

func (p *Policy) add(name string, rules []rbacv1.PolicyRule, subjects ...rbacv1.Subject) {
	meta := metav1.ObjectMeta{Name: name, Labels: map[string]string{"kubernetes.io/bootstrapping": "rbac-defaults"},
		Annotations: map[string]string{rbacv1.AutoUpdateAnnotationKey: "true"}}
	p.ClusterRoles = append(p.ClusterRoles, rbacv1.ClusterRole{ObjectMeta: meta, Rules: rules})
	if len(subjects) > 0 {
		p.ClusterRoleBindings = append(p.ClusterRoleBindings, rbacv1.ClusterRoleBinding{ObjectMeta: *meta.DeepCopy(),
			RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: name}, Subjects: subjects})
	}
}

func rule(verbs, group string, resources ...string) rbacv1.PolicyRule {
	return rbacv1.PolicyRule{Verbs: split(verbs), APIGroups: []string{group}, Resources: resources}
}

func split(s string) []string {
	var out []string
	for start, i := 0, 0; i <= len(s); i++ {
		if i == len(s) || s[i] == ',' {
			out, start = append(out, s[start:i]), i+1
		}
	}
	return out
}

// reconcilers says what each may do. What none needs, none has.
var reconcilers = map[string][]rbacv1.PolicyRule{
	"replicas": {
		rule("create,delete,get,list,patch,update,watch", "", "pods"),
		rule("get,list,patch,watch", "", "replicationcontrollers", "replicationcontrollers/status"),
		rule("get,list,patch,watch", "apps", "replicasets", "replicasets/status"),
	},
	"rollout": {
		rule("create,delete,get,list,patch,update,watch", "apps", "replicasets"),
		rule("get,list,patch,watch", "apps", "deployments", "deployments/status"),
		rule("get,list,watch", "", "pods"),
	},
	"scheduler": {rule("get,list,watch", "", "pods", "nodes")},
	"nodehealth": {
		rule("get,list,watch", "", "nodes"),
		rule("get,list,watch,delete", "", "pods"),
	},
	"namespaces": {
		rule("get,list,watch", "", "namespaces"),
		rule("update", "", "namespaces/finalize"),
		rule("create,patch", "", "serviceaccounts", "configmaps"),
		rule("get,list,watch,delete", "*", "*"), // of a namespace that ends
	},
	"garbage": {
		rule("get,list,watch,delete,patch", "*", "*"), // whatever names an owner
	},
}
