package registries

import (
	"context"

	metainternalversion "k8s.io/apimachinery/pkg/apis/meta/internalversion"
	"k8s.io/apimachinery/pkg/runtime"
	genericregistry "k8s.io/apiserver/pkg/registry/generic/registry"
	"k8s.io/apiserver/pkg/registry/rest"
	deployment "k8s.io/kubernetes/pkg/registry/apps/deployment/storage"
	replicaset "k8s.io/kubernetes/pkg/registry/apps/replicaset/storage"
	configmap "k8s.io/kubernetes/pkg/registry/core/configmap/storage"
	endpoint "k8s.io/kubernetes/pkg/registry/core/endpoint/storage"
	event "k8s.io/kubernetes/pkg/registry/core/event/storage"
	node "k8s.io/kubernetes/pkg/registry/core/node/storage"
	pod "k8s.io/kubernetes/pkg/registry/core/pod/storage"
	controller "k8s.io/kubernetes/pkg/registry/core/replicationcontroller/storage"
	secret "k8s.io/kubernetes/pkg/registry/core/secret/storage"
	account "k8s.io/kubernetes/pkg/registry/core/serviceaccount/storage"
	endpointslice "k8s.io/kubernetes/pkg/registry/discovery/endpointslice/storage"

	"cairn/projections/apiserver/calls"
	"cairn/projections/apiserver/storage"
)

// streamed stands before a registry and answers its lists with streams where
// the request wants objects as they are. It is embedded beside the registry,
// whose other methods it leaves alone.
type streamed struct{ whole, stream *genericregistry.Store }

var _ interface {
	List(context.Context, *metainternalversion.ListOptions) (runtime.Object, error)
} = streamed{}

func stream(s *genericregistry.Store) streamed {
	lazy := *s
	lazy.NewListFunc = storage.NewStream(s.NewListFunc)
	return streamed{whole: s, stream: &lazy}
}

// List implements rest.Lister.
func (s streamed) List(ctx context.Context, o *metainternalversion.ListOptions) (runtime.Object, error) {
	if calls.From(ctx).Streams {
		return s.stream.List(ctx, o)
	}
	return s.whole.List(ctx, o)
}

// streamLists puts streams before the registries of a group, by resource. Kinds
// of which a cell has few are left out.
func streamLists(m map[string]rest.Storage) {
	for name, s := range m {
		switch s := s.(type) {
		case *configmap.REST:
			m[name] = struct {
				*configmap.REST
				streamed
			}{s, stream(s.Store)}
		case *secret.REST:
			m[name] = struct {
				*secret.REST
				streamed
			}{s, stream(s.Store)}
		case *account.REST:
			m[name] = struct {
				*account.REST
				streamed
			}{s, stream(s.Store)}
		case *pod.REST:
			m[name] = struct {
				*pod.REST
				streamed
			}{s, stream(s.Store)}
		case *node.REST:
			m[name] = struct {
				*node.REST
				streamed
			}{s, stream(s.Store)}
		case *endpoint.REST:
			m[name] = struct {
				*endpoint.REST
				streamed
			}{s, stream(s.Store)}
		case *event.REST:
			m[name] = struct {
				*event.REST
				streamed
			}{s, stream(s.Store)}
		case *controller.REST:
			m[name] = struct {
				*controller.REST
				streamed
			}{s, stream(s.Store)}
		case *replicaset.REST:
			m[name] = struct {
				*replicaset.REST
				streamed
			}{s, stream(s.Store)}
		case *deployment.REST:
			m[name] = struct {
				*deployment.REST
				streamed
			}{s, stream(s.Store)}
		case *endpointslice.REST:
			m[name] = struct {
				*endpointslice.REST
				streamed
			}{s, stream(s.Store)}
		}
	}
}
