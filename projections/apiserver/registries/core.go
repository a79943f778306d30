package registries

import (
	"context"
	"time"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apiserver/pkg/registry/rest"
	genericapiserver "k8s.io/apiserver/pkg/server"
	"k8s.io/kubernetes/pkg/api/legacyscheme"
	"k8s.io/kubernetes/pkg/kubelet/client"
	configmap "k8s.io/kubernetes/pkg/registry/core/configmap/storage"
	endpoint "k8s.io/kubernetes/pkg/registry/core/endpoint/storage"
	event "k8s.io/kubernetes/pkg/registry/core/event/storage"
	namespace "k8s.io/kubernetes/pkg/registry/core/namespace/storage"
	node "k8s.io/kubernetes/pkg/registry/core/node/storage"
	pod "k8s.io/kubernetes/pkg/registry/core/pod/storage"
	controller "k8s.io/kubernetes/pkg/registry/core/replicationcontroller/storage"
	secret "k8s.io/kubernetes/pkg/registry/core/secret/storage"
	account "k8s.io/kubernetes/pkg/registry/core/serviceaccount/storage"

	// Kinds of these groups are subresources here (Scale, Eviction); nothing
	// else imports what registers them.
	_ "k8s.io/kubernetes/pkg/apis/autoscaling/install"
	_ "k8s.io/kubernetes/pkg/apis/policy/install"
)

// tokenLife bounds what a service account token may be asked to live.
const tokenLife = 48 * time.Hour

func coreGroup(c Config, opts *options) (*genericapiserver.APIGroupInfo, error) {
	g := genericapiserver.NewDefaultAPIGroupInfo("", legacyscheme.Scheme, legacyscheme.ParameterCodec, legacyscheme.Codecs)
	g.NegotiatedSerializer = serializer.NewCodecFactory(legacyscheme.Scheme,
		serializer.WithStreamingCollectionEncodingToJSON(), serializer.WithStreamingCollectionEncodingToProtobuf())
	m := map[string]rest.Storage{}
	for _, add := range []func(Config, *options, map[string]rest.Storage) error{coreData, coreWorkloads} {
		if err := add(c, opts, m); err != nil {
			return nil, err
		}
	}
	streamLists(m)
	m["events"] = reading(m["events"].(store), "ev")
	g.VersionedResourcesStorageMap["v1"] = m
	return &g, nil
}

// coreData holds what no node runs.
func coreData(_ Config, opts *options, m map[string]rest.Storage) error {
	configMaps, err := configmap.NewREST(opts)
	if err != nil {
		return err
	}
	endpoints, err := endpoint.NewREST(opts)
	if err != nil {
		return err
	}
	story, err := event.NewREST(opts, 0)
	if err != nil {
		return err
	}
	spaces, spaceStatus, spaceFinalize, err := namespace.NewREST(opts)
	if err != nil {
		return err
	}
	m["configmaps"], m["endpoints"] = configMaps, endpoints
	m["events"] = story
	m["namespaces"], m["namespaces/status"], m["namespaces/finalize"] = spaces, spaceStatus, spaceFinalize
	return nil
}

func coreWorkloads(c Config, opts *options, m map[string]rest.Storage) error {
	nodes, err := node.NewStorage(opts, client.KubeletClientConfig{}, c.Transport)
	if err != nil {
		return err
	}
	pods, err := pod.NewStorage(opts, c.Nodes, c.Transport, noBudgets{}, c.Authorizer)
	if err != nil {
		return err
	}
	secrets, err := secret.NewREST(opts)
	if err != nil {
		return err
	}
	accounts, err := account.NewREST(opts, c.Tokens, c.Audience, c.Authorizer, tokenLife, pods.Pod.Store, secrets.Store, nodes.Node.Store,
		validating{}, mutating{}, false, tokenLife)
	if err != nil {
		return err
	}
	controllers, err := controller.NewStorage(opts)
	if err != nil {
		return err
	}
	m["secrets"] = secrets
	m["nodes"], m["nodes/status"] = nodes.Node, nodes.Status
	m["pods"], m["pods/status"] = pods.Pod, pods.Status
	m["pods/binding"], m["pods/eviction"], m["bindings"] = pods.Binding, pods.Eviction, pods.LegacyBinding
	m["pods/log"] = readLog{pods.Log, c}
	m["pods/exec"], m["pods/attach"], m["pods/portforward"] = session{pods.Exec, pods.Exec, c}, session{pods.Attach, pods.Attach, c}, session{pods.PortForward, pods.PortForward, c}
	m["replicationcontrollers"], m["replicationcontrollers/status"], m["replicationcontrollers/scale"] = controllers.Controller, controllers.Status, controllers.Scale
	m["serviceaccounts"], m["serviceaccounts/token"] = accounts, accounts.Token
	services, status, err := serviceRegistry(c, opts, pods.Pod)
	if err != nil {
		return err
	}
	m["services"], m["services/status"] = services, status
	return nil
}

// Webhooks are not served: tokens can't be bound to them.
type (
	validating struct{}
	mutating   struct{}
)

func (validating) Get(_ context.Context, name string, _ metav1.GetOptions) (*admissionv1.ValidatingWebhookConfiguration, error) {
	return nil, apierrors.NewNotFound(schema.GroupResource{Group: "admissionregistration.k8s.io", Resource: "validatingwebhookconfigurations"}, name)
}

func (mutating) Get(_ context.Context, name string, _ metav1.GetOptions) (*admissionv1.MutatingWebhookConfiguration, error) {
	return nil, apierrors.NewNotFound(schema.GroupResource{Group: "admissionregistration.k8s.io", Resource: "mutatingwebhookconfigurations"}, name)
}
