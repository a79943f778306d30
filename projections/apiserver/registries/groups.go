package registries

import (
	"k8s.io/apiserver/pkg/registry/generic"
	"k8s.io/apiserver/pkg/registry/rest"
	genericapiserver "k8s.io/apiserver/pkg/server"
	serverstorage "k8s.io/apiserver/pkg/server/storage"
	apps "k8s.io/kubernetes/pkg/registry/apps/rest"
	authentication "k8s.io/kubernetes/pkg/registry/authentication/rest"
	authorization "k8s.io/kubernetes/pkg/registry/authorization/rest"
	coordination "k8s.io/kubernetes/pkg/registry/coordination/rest"
	discovery "k8s.io/kubernetes/pkg/registry/discovery/rest"
	events "k8s.io/kubernetes/pkg/registry/events/rest"
	rbac "k8s.io/kubernetes/pkg/registry/rbac/rest"
)

type provider interface {
	GroupName() string
	NewRESTStorage(serverstorage.APIResourceConfigSource, generic.RESTOptionsGetter) (genericapiserver.APIGroupInfo, error)
}

// providers are upstream's, in the order in which discovery prefers them.
func providers(c Config) []provider {
	return []provider{
		apps.StorageProvider{},
		authentication.RESTStorageProvider{Authenticator: c.Requests, APIAudiences: c.Audience},
		authorization.RESTStorageProvider{Authorizer: c.Authorizer, RuleResolver: c.Rules},
		coordination.RESTStorageProvider{},
		discovery.StorageProvider{},
		events.RESTStorageProvider{},
		rbac.RESTStorageProvider{Authorizer: c.Authorizer},
	}
}

// limit makes read-only what is rendered from the ledger, and streams lists.
func limit(g *genericapiserver.APIGroupInfo) {
	for _, m := range g.VersionedResourcesStorageMap {
		streamLists(m)
		for name, s := range m {
			full, ok := s.(store)
			switch {
			case !ok:
			case name == "events":
				m[name] = reading(full, "ev")
			case name == "leases":
				m[name] = listing{full, full, full, full, full}
			}
		}
	}
}

var _ rest.Storage = readOnly{}
