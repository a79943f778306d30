package kinds

import (
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Registry finds kinds while a cell runs. What Cairn serves by itself is a
// Table; kinds that users define come from the view.
type Registry interface {
	// Kind returns the kind of that name, as in events.Ref; nil: not served.
	Kind(name string) *Kind
	// For returns the kind of that group and kind; nil: not served.
	For(gk schema.GroupKind) *Kind
	// All lists the kinds by name.
	All() []*Kind
}

// Table is a Registry of fixed kinds.
type Table struct {
	names map[string]*Kind
	kinds map[schema.GroupKind]*Kind
	all   []*Kind
}

// NewTable makes a table. Of two kinds with one name, the last counts.
func NewTable(list ...*Kind) *Table {
	t := &Table{names: map[string]*Kind{}, kinds: map[schema.GroupKind]*Kind{}}
	for _, k := range list {
		t.names[k.Name], t.kinds[k.Version.GroupKind()] = k, k
	}
	for _, k := range t.names {
		t.all = append(t.all, k)
	}
	slices.SortFunc(t.all, func(a, b *Kind) int { return strings.Compare(a.Name, b.Name) })
	return t
}

func (t *Table) Kind(name string) *Kind        { return t.names[name] }
func (t *Table) For(gk schema.GroupKind) *Kind { return t.kinds[gk] }
func (t *Table) All() []*Kind                  { return slices.Clone(t.all) }

// Builtin is what Cairn serves by itself: one entry per kind, each in the file
// of its API group.
func Builtin() *Table {
	return NewTable(
		namespaces(), nodes(), pods(), services(), endpoints(), replicationControllers(), configMaps(), secrets(), serviceAccounts(), coreEvents(),
		deployments(), replicaSets(), endpointSlices(), leases(), roles(), roleBindings(), clusterRoles(), clusterRoleBindings(),
	)
}

// OwnerKind names the kind of an owner reference as events.Ref does. A kind
// that is not served gets its plain plural, which never names a live object.
func OwnerKind(r Registry, apiVersion, kind string) string {
	gv, _ := schema.ParseGroupVersion(apiVersion)
	if k := r.For(gv.WithKind(kind).GroupKind()); k != nil {
		return k.Name
	}
	n := strings.ToLower(kind) + "s"
	if gv.Group != "" {
		n += "." + gv.Group
	}
	return n
}
