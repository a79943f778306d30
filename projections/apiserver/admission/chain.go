package admission

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
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

	"cairn/projections/apiserver/kinds"
	"cairn/projections/apiserver/storage"
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
		&unsupported{admission.NewHandler(admission.Create, admission.Update)},
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
type unsupported struct{ *admission.Handler }

func (unsupported) Validate(ctx context.Context, a admission.Attributes, _ admission.ObjectInterfaces) error {
	if a.GetSubresource() != "" || a.GetObject() == nil {
		return nil
	}
	gv, ok := stored[a.GetKind().GroupKind()]
	if !ok {
		return nil
	}
	o, err := legacyscheme.Scheme.ConvertToVersion(a.GetObject(), gv)
	if err != nil {
		return errors.NewInternalError(err)
	}
	errs, warnings := kinds.Unsupported(o)
	if old := a.GetOldObject(); old != nil && len(errs) > 0 {
		if was, err := legacyscheme.Scheme.ConvertToVersion(old, gv); err == nil {
			if before, _ := kinds.Unsupported(was); len(before) == len(errs) {
				errs = nil // it is there already; do not stand in the way of its end
			}
		}
	}
	for _, w := range warnings {
		warning.AddWarning(ctx, "", w)
	}
	if len(errs) > 0 {
		return errors.NewInvalid(a.GetKind().GroupKind(), a.GetName(), errs)
	}
	return nil
}

var stored = func() map[schema.GroupKind]schema.GroupVersion {
	m := map[schema.GroupKind]schema.GroupVersion{}
	for _, k := range kinds.Served() {
		m[k.Version.GroupKind()] = k.Version.GroupVersion()
	}
	return m
}()
