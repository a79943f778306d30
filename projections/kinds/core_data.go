package kinds

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"cairn/events"
)

var core = schema.GroupVersion{Version: "v1"}

func namespaces() *Kind {
	return &Kind{Name: events.Namespaces, Version: core.WithKind("Namespace"), Said: "namespace", Short: []string{"ns"},
		New: func() Object { return &corev1.Namespace{} }, Extract: extractNamespace,
		Life: []Share{{"its default service account and root certificate", Reconciler("namespaces")}, {"its end, once it holds nothing", Reconciler("namespaces")}}}
}

func extractNamespace(in Object, _ Before, f *events.Facts) {
	ns := in.(*corev1.Namespace)
	list := ns.Finalizers
	for _, n := range ns.Spec.Finalizers {
		list = append(slices.Clone(list), string(n))
	}
	f.Finalizers = set(list)
}

func configMaps() *Kind {
	return &Kind{Name: events.ConfigMaps, Version: core.WithKind("ConfigMap"), Verbatim: true, Namespaced: true, Said: "config map", Short: []string{"cm"},
		New: func() Object { return &corev1.ConfigMap{} },
		Extract: func(in Object, _ Before, f *events.Facts) {
			c := in.(*corev1.ConfigMap)
			sizes(c.Data, f)
			if len(c.BinaryData) > 0 {
				sizes(c.BinaryData, f)
			}
		}}
}

func secrets() *Kind {
	return &Kind{Name: events.Secrets, Version: core.WithKind("Secret"), Namespaced: true, Encrypted: true, Said: "secret",
		New:     func() Object { return &corev1.Secret{} },
		Extract: func(in Object, _ Before, f *events.Facts) { sizes(in.(*corev1.Secret).Data, f) }}
}

func serviceAccounts() *Kind {
	return &Kind{Name: events.ServiceAccounts, Version: core.WithKind("ServiceAccount"), Verbatim: true, Namespaced: true, Said: "service account", Short: []string{"sa"},
		New: func() Object { return &corev1.ServiceAccount{} }}
}
