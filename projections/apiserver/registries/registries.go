package registries

import (
	"fmt"
	"net/http"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/authentication/authenticator"
	"k8s.io/apiserver/pkg/authorization/authorizer"
	"k8s.io/apiserver/pkg/registry/generic"
	"k8s.io/apiserver/pkg/registry/rest"
	genericapiserver "k8s.io/apiserver/pkg/server"
	upstream "k8s.io/apiserver/pkg/storage"
	"k8s.io/apiserver/pkg/storage/storagebackend"
	"k8s.io/apiserver/pkg/storage/storagebackend/factory"
	"k8s.io/client-go/tools/cache"
	"k8s.io/kubernetes/pkg/api/legacyscheme"
	"k8s.io/kubernetes/pkg/kubelet/client"
	"k8s.io/kubernetes/pkg/serviceaccount"

	"cairn/events"
	"cairn/projections/apiserver/storage"
	"cairn/projections/apiserver/tally"
	"cairn/projections/kinds"
)

// Config is what the registries work with; all must be set.
type Config struct {
	Engine     *storage.Engine
	Tokens     serviceaccount.TokenGenerator
	Audience   authenticator.Audiences
	Requests   authenticator.Request
	Authorizer authorizer.Authorizer
	Rules      authorizer.RuleResolver
	Nodes      client.ConnectionInfoGetter
	Tally      *tally.Tally // counts reads of logs
	Sessions   *Sessions    // those under way
	Transport  http.RoundTripper
	Cell       *events.Cell
}

// Install adds every served group to s.
func Install(s *genericapiserver.GenericAPIServer, c Config) error {
	opts := &options{engine: c.Engine}
	core, err := coreGroup(c, opts)
	if err != nil {
		return err
	}
	if err := s.InstallLegacyAPIGroup(genericapiserver.DefaultLegacyAPIPrefix, core); err != nil {
		return err
	}
	var groups []*genericapiserver.APIGroupInfo
	for _, p := range providers(c) {
		g, err := p.NewRESTStorage(served{c.Engine.Kinds()}, opts)
		if err != nil {
			return err
		}
		if len(g.VersionedResourcesStorageMap) == 0 {
			continue
		}
		limit(&g)
		groups = append(groups, &g)
	}
	return s.InstallAPIGroups(groups...)
}

// served answers which resources are on.
type served struct{ kinds kinds.Registry }

var reviews = map[string]bool{
	"tokenreviews.authentication.k8s.io": true, "selfsubjectreviews.authentication.k8s.io": true,
	"subjectaccessreviews.authorization.k8s.io": true, "selfsubjectaccessreviews.authorization.k8s.io": true,
	"localsubjectaccessreviews.authorization.k8s.io": true, "selfsubjectrulesreviews.authorization.k8s.io": true,
	"events.events.k8s.io": true,
}

func (s served) ResourceEnabled(r schema.GroupVersionResource) bool {
	name := r.GroupResource().String()
	return r.Version == "v1" && (reviews[name] || s.kinds.Kind(name) != nil)
}

// ResourceExplicitlyEnabled: nothing is switched by hand.
func (served) ResourceExplicitlyEnabled(schema.GroupVersionResource) bool { return false }

// VersionExplicitlyEnabled: nothing is switched by hand.
func (served) VersionExplicitlyEnabled(schema.GroupVersion) bool { return false }

func (s served) AnyResourceForGroupEnabled(group string) bool {
	for r := range reviews {
		if schema.ParseGroupResource(r).Group == group {
			return true
		}
	}
	for _, k := range s.kinds.All() {
		if k.Version.Group == group {
			return true
		}
	}
	return false
}

// options gives upstream's stores our storage.
type options struct{ engine *storage.Engine }

func (o *options) GetRESTOptions(r schema.GroupResource, _ runtime.Object) (generic.RESTOptions, error) {
	kind := r.String()
	if kind == "events.events.k8s.io" {
		kind = events.Events // one story, two groups that tell it
	}
	k := o.engine.Kinds().Kind(kind)
	if k == nil {
		return generic.RESTOptions{}, fmt.Errorf("kind %s is not served", kind)
	}
	gv := k.Version.GroupVersion()
	config := storagebackend.ConfigForResource{GroupResource: r, Config: storagebackend.Config{
		Codec: legacyscheme.Codecs.LegacyCodec(gv), EncodeVersioner: gv}}
	return generic.RESTOptions{StorageConfig: &config, Decorator: o.decorate(kind), EnableGarbageCollection: true,
		DeleteCollectionWorkers: 4, ResourcePrefix: storage.Prefix(kind)}, nil
}

func (o *options) decorate(kind string) generic.StorageDecorator {
	return func(_ *storagebackend.ConfigForResource, _ string, _ func(runtime.Object) (string, error), newFunc, _ func() runtime.Object,
		_ upstream.AttrFunc, _ upstream.IndexerFuncs, _ *cache.Indexers) (upstream.Interface, factory.DestroyFunc, error) {
		s, err := o.engine.For(kind, newFunc)
		return s, func() {}, err
	}
}

// readOnly serves a kind that is rendered from the ledger.
type readOnly struct {
	rest.Storage
	rest.Getter
	rest.Lister
	rest.Watcher
	rest.Scoper
	rest.SingularNameProvider
	short []string
}

func (r readOnly) ShortNames() []string { return r.short }

type store interface {
	rest.Storage
	rest.Getter
	rest.Lister
	rest.Watcher
	rest.Scoper
	rest.SingularNameProvider
}

func reading(s store, short ...string) rest.Storage {
	return readOnly{s, s, s, s, s, s, short}
}

// listing serves a kind without rows: it has no changes to watch.
type listing struct {
	rest.Storage
	rest.Getter
	rest.Lister
	rest.Scoper
	rest.SingularNameProvider
}
