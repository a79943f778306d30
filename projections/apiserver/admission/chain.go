package admission

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/apiserver/pkg/admission/initializer"
	"k8s.io/apiserver/pkg/admission/plugin/namespace/lifecycle"
	"k8s.io/apiserver/pkg/authorization/authorizer"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	"k8s.io/apiserver/pkg/warning"
	"k8s.io/client-go/kubernetes"
	"k8s.io/component-base/compatibility"
	"k8s.io/kubernetes/pkg/api/legacyscheme"
	"k8s.io/kubernetes/pkg/auth/nodeidentifier"
	"k8s.io/kubernetes/plugin/pkg/admission/defaulttolerationseconds"
	"k8s.io/kubernetes/plugin/pkg/admission/noderestriction"
	"k8s.io/kubernetes/plugin/pkg/admission/serviceaccount"

	"cairn/projections/apiserver/storage"
	"cairn/projections/kinds"
)

// Chain builds it. client makes requests in process as the server itself.
func Chain(engine *storage.Engine, auth authorizer.Authorizer, client kubernetes.Interface, version compatibility.EffectiveVersion, stop <-chan struct{}) (admission.Interface, error) {
	ends, err := lifecycle.NewLifecycle(sets.New(metav1.NamespaceDefault, metav1.NamespaceSystem, metav1.NamespacePublic))
	if err != nil {
		return nil, err
	}
	plugins := []admission.Interface{
		ends,
		noderestriction.NewPlugin(nodeidentifier.NewDefaultNodeIdentifier()),
		serviceaccount.NewServiceAccount(),
		defaulttolerationseconds.NewDefaultTolerationSeconds(),
		&unsupported{admission.NewHandler(admission.Create, admission.Update), engine.Kinds()},
	}
	init := initializer.New(client, nil, listers(engine, client), auth, utilfeature.DefaultFeatureGate, version, stop, nil)
	for _, p := range plugins {
		init.Initialize(p)
		if v, ok := p.(admission.InitializationValidator); ok {
			if err := v.ValidateInitialization(); err != nil {
				return nil, fmt.Errorf("admission: %w", err)
			}
		}
	}
	return admission.NewChainHandler(plugins...), nil
}

// unsupported refuses or warns about what Cairn does not do yet.
type unsupported struct {
	*admission.Handler
	kinds kinds.Registry
}

func (u unsupported) Validate(ctx context.Context, a admission.Attributes, _ admission.ObjectInterfaces) error {
	if a.GetSubresource() != "" || a.GetObject() == nil {
		return nil
	}
	k := u.kinds.For(a.GetKind().GroupKind())
	if k == nil || k.Refuse == nil {
		return nil
	}
	said, err := complaints(k, a.GetObject())
	if err != nil {
		return errors.NewInternalError(err)
	}
	if old := a.GetOldObject(); old != nil && len(said.Errors) > 0 {
		if before, err := complaints(k, old); err == nil && len(before.Errors) == len(said.Errors) {
			said.Errors = nil // it is there already; do not stand in the way of its end
		}
	}
	for _, w := range said.Warnings {
		warning.AddWarning(ctx, "", w)
	}
	if len(said.Errors) > 0 {
		return errors.NewInvalid(a.GetKind().GroupKind(), a.GetName(), said.Errors)
	}
	return nil
}

// complaints is what the kind has to say against an object of the registry's.
func complaints(k *kinds.Kind, o runtime.Object) (kinds.Complaints, error) {
	v, err := legacyscheme.Scheme.ConvertToVersion(o, k.Version.GroupVersion())
	if err != nil {
		return kinds.Complaints{}, err
	}
	obj, ok := v.(kinds.Object)
	if !ok {
		return kinds.Complaints{}, fmt.Errorf("%T has no metadata", v)
	}
	return k.Unsupported(obj), nil
}
