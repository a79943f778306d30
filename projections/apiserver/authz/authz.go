package authz

import (
	"context"
	"sync"
	"sync/atomic"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/authorization/authorizer"
	"k8s.io/apiserver/pkg/authorization/authorizerfactory"
	"k8s.io/apiserver/pkg/authorization/union"
	"k8s.io/kubernetes/pkg/auth/nodeidentifier"
	"k8s.io/kubernetes/plugin/pkg/auth/authorizer/node"
	"k8s.io/kubernetes/plugin/pkg/auth/authorizer/rbac"
	"k8s.io/kubernetes/plugin/pkg/auth/authorizer/rbac/bootstrappolicy"

	"cairn/events"
	"cairn/projections/apiserver/storage"
	"cairn/projections/fold"
	"cairn/projections/kinds"
	"cairn/projections/view"
)

// Authz is how a cell authorizes.
type Authz struct {
	authorizer.Authorizer
	Rules authorizer.RuleResolver
}

// New builds it over what engine reads.
func New(engine *storage.Engine) (*Authz, error) {
	nodes := &nodes{engine: engine}
	if err := engine.Follow(nodes.start, nodes.learn); err != nil {
		return nil, err
	}
	source := &source{engine: engine}
	byRoles := rbac.New(source, source, source, source)
	all, err := union.New(
		union.NamedAuthorizer{AuthorizerName: "masters", Authorizer: authorizerfactory.NewPrivilegedGroups(user.SystemPrivilegedGroup)},
		union.NamedAuthorizer{AuthorizerName: "nodes", Authorizer: authorizer.AuthorizerFunc(nodes.Authorize)},
		union.NamedAuthorizer{AuthorizerName: "rbac", Authorizer: byRoles},
	)
	return &Authz{Authorizer: all, Rules: byRoles}, err
}

// nodes is upstream's node authorizer over a graph of which node runs which
// pod, and so may read what.
type nodes struct {
	engine *storage.Engine
	now    atomic.Pointer[graph]
}

type graph struct {
	*node.Graph
	authorizer.Authorizer
}

// Authorize answers by the graph as it is.
func (n *nodes) Authorize(ctx context.Context, a authorizer.Attributes) (authorizer.Decision, string, error) {
	return n.now.Load().Authorize(ctx, a)
}

// start makes the graph from what the view lists.
func (n *nodes) start(view.Position) error {
	pods, err := n.engine.List(events.Pods, "", 0)
	if err != nil {
		return err
	}
	g := node.NewGraph()
	for _, p := range pods {
		if pod := p.(*corev1.Pod); pod.Spec.NodeName != "" {
			g.AddPod(pod)
		}
	}
	n.now.Store(&graph{g, node.NewAuthorizer(g, nodeidentifier.NewDefaultNodeIdentifier(), bootstrappolicy.NodeRules())})
	return nil
}

func (n *nodes) learn(r *fold.Result) {
	for i := range r.Changes {
		c, g := &r.Changes[i], n.now.Load()
		switch {
		case c.Ref.Kind != events.Pods:
		case c.Deleted:
			g.DeletePod(c.Ref.Name, c.Ref.Namespace)
		case c.Projected != nil && c.Projected.Pod != nil && c.Projected.Pod.Placed == r.Offset: // only a placement adds edges
			if o, err := n.engine.Get(events.Pods, c.Ref.Namespace, c.Ref.Name, c.Revision); err == nil {
				g.AddPod(o.(*corev1.Pod))
			}
		}
	}
}

// source reads RBAC's objects; lists are kept until one of their kind changes.
type source struct {
	engine *storage.Engine
	mu     sync.Mutex
	lists  map[listKey]listed
}

type listKey struct{ kind, namespace string }

type listed struct {
	at   events.Revision
	objs []kinds.Object
}

func (s *source) list(kind, namespace string) ([]kinds.Object, error) {
	k, at := listKey{kind, namespace}, s.engine.Latest(kind)
	s.mu.Lock()
	have, ok := s.lists[k]
	s.mu.Unlock()
	if ok && have.at == at {
		return have.objs, nil
	}
	objs, err := s.engine.List(kind, namespace, 0)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lists == nil || len(s.lists) > 4096 {
		s.lists = map[listKey]listed{}
	}
	s.lists[k] = listed{at, objs}
	return objs, nil
}

func (s *source) get(kind, namespace, name string) (kinds.Object, error) {
	o, err := s.engine.Get(kind, namespace, name, 0)
	if storage.IsNotFound(err) {
		return nil, apierrors.NewNotFound(schema.ParseGroupResource(kind), name)
	}
	return o, err
}

func (s *source) GetRole(_ context.Context, ns, name string) (*rbacv1.Role, error) {
	o, err := s.get(kinds.Roles, ns, name)
	if err != nil {
		return nil, err
	}
	return o.(*rbacv1.Role), nil
}

func (s *source) GetClusterRole(_ context.Context, name string) (*rbacv1.ClusterRole, error) {
	o, err := s.get(kinds.ClusterRoles, "", name)
	if err != nil {
		return nil, err
	}
	role := o.(*rbacv1.ClusterRole)
	if role.AggregationRule == nil {
		return role, nil
	}
	all, err := s.list(kinds.ClusterRoles, "")
	if err != nil {
		return nil, err
	}
	return aggregate(role, all)
}

// aggregate gathers an aggregated role's rules from the roles it selects: a
// function of other objects, so no controller copies them.
func aggregate(role *rbacv1.ClusterRole, all []kinds.Object) (*rbacv1.ClusterRole, error) {
	role = role.DeepCopy()
	role.Rules = nil
	for _, s := range role.AggregationRule.ClusterRoleSelectors {
		sel, err := metav1.LabelSelectorAsSelector(&s)
		if err != nil {
			return nil, err
		}
		for _, o := range all {
			if o.GetName() != role.Name && sel.Matches(labels.Set(o.GetLabels())) {
				role.Rules = append(role.Rules, o.(*rbacv1.ClusterRole).Rules...)
			}
		}
	}
	return role, nil
}

func (s *source) ListRoleBindings(_ context.Context, ns string) ([]*rbacv1.RoleBinding, error) {
	objs, err := s.list(kinds.RoleBindings, ns)
	out := make([]*rbacv1.RoleBinding, 0, len(objs))
	for _, o := range objs {
		out = append(out, o.(*rbacv1.RoleBinding))
	}
	return out, err
}

func (s *source) ListClusterRoleBindings(context.Context) ([]*rbacv1.ClusterRoleBinding, error) {
	objs, err := s.list(kinds.ClusterRoleBindings, "")
	out := make([]*rbacv1.ClusterRoleBinding, 0, len(objs))
	for _, o := range objs {
		out = append(out, o.(*rbacv1.ClusterRoleBinding))
	}
	return out, err
}
