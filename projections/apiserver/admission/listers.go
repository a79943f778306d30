package admission

import (
	"k8s.io/client-go/informers"
	"k8s.io/client-go/informers/core"
	informersv1 "k8s.io/client-go/informers/core/v1"
	"k8s.io/client-go/kubernetes"
	listersv1 "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/tools/cache"

	"cairn/events"
	"cairn/projections/apiserver/storage"
)

// listers gives plug-ins the view as an informer factory. Kinds that are not
// served come from a factory that is never started: there are none of them.
func listers(engine *storage.Engine, client kubernetes.Interface) informers.SharedInformerFactory {
	idle := informers.NewSharedInformerFactory(client, 0)
	return factory{idle, coreGroup{idle.Core(), coreV1{idle.Core().V1(), engine}}}
}

type factory struct {
	informers.SharedInformerFactory
	core coreGroup
}

func (f factory) Core() core.Interface { return f.core }

type coreGroup struct {
	core.Interface
	v1 coreV1
}

func (c coreGroup) V1() informersv1.Interface { return c.v1 }

type coreV1 struct {
	informersv1.Interface
	engine *storage.Engine
}

func (c coreV1) index(kind string) index {
	return index{engine: c.engine, kind: kind, last: &lastRead{}}
}

func (c coreV1) Namespaces() informersv1.TypedNamespaceInformer {
	return spaces{c.index(events.Namespaces)}
}
func (c coreV1) Nodes() informersv1.TypedNodeInformer { return nodes{c.index(events.Nodes)} }
func (c coreV1) Pods() informersv1.TypedPodInformer   { return pods{c.index(events.Pods)} }
func (c coreV1) ServiceAccounts() informersv1.TypedServiceAccountInformer {
	return accounts{c.index(events.ServiceAccounts)}
}

type (
	spaces   struct{ index }
	nodes    struct{ index }
	pods     struct{ index }
	accounts struct{ index }
)

func (s spaces) Lister() listersv1.NamespaceLister { return listersv1.NewNamespaceLister(s.index) }
func (s nodes) Lister() listersv1.NodeLister       { return listersv1.NewNodeLister(s.index) }
func (s pods) Lister() listersv1.PodLister         { return listersv1.NewPodLister(s.index) }
func (s accounts) Lister() listersv1.ServiceAccountLister {
	return listersv1.NewServiceAccountLister(s.index)
}

func (spaces) TypedInformer() informersv1.NamespaceIndexInformer        { return nil }
func (nodes) TypedInformer() informersv1.NodeIndexInformer              { return nil }
func (pods) TypedInformer() informersv1.PodIndexInformer                { return nil }
func (accounts) TypedInformer() informersv1.ServiceAccountIndexInformer { return nil }

// index is a cache.Indexer over the view.
type index struct {
	cache.Indexer
	engine *storage.Engine
	kind   string
	last   *lastRead
}

func (i index) Informer() cache.SharedIndexInformer { return synced{} }

func (i index) GetByKey(key string) (any, bool, error) {
	at := i.engine.Latest(i.kind)
	if o := i.last.get(key, at); o != nil {
		return o, true, nil
	}
	ns, name, err := cache.SplitMetaNamespaceKey(key)
	if err != nil {
		return nil, false, err
	}
	o, err := i.engine.Get(i.kind, ns, name, 0)
	if storage.IsNotFound(err) {
		return nil, false, nil
	}
	if err == nil {
		i.last.put(key, at, o)
	}
	return o, err == nil, err
}

func (i index) List() []any {
	list, err := i.engine.List(i.kind, "", 0)
	if err != nil {
		return nil
	}
	out := make([]any, len(list))
	for n, o := range list {
		out[n] = o
	}
	return out
}

// Index answers the one index that listers ask for: by namespace.
func (i index) Index(_ string, obj any) ([]any, error) {
	m, err := cache.MetaNamespaceKeyFunc(obj)
	if err != nil {
		return nil, err
	}
	ns, _, err := cache.SplitMetaNamespaceKey(m)
	if err != nil {
		return nil, err
	}
	list, err := i.engine.List(i.kind, ns, 0)
	out := make([]any, len(list))
	for n, o := range list {
		out[n] = o
	}
	return out, err
}

type synced struct{ cache.SharedIndexInformer }

func (synced) HasSynced() bool { return true }
