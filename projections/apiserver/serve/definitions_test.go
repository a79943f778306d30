package serve

import (
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/cli-runtime/pkg/resource"
	"k8s.io/client-go/dynamic"
)

// kubectl looks for a user's definition before it calls a kind unknown.
func TestAnUnknownKindIsUnknown(t *testing.T) {
	c := newCell(t)
	client := dynamic.NewForConfigOrDie(c.config("alice", "system:masters"))
	found, err := resource.NewCRDFinder(resource.CRDFromDynamic(client)).HasCRD(schema.GroupKind{Group: "example.com", Kind: "Widget"})
	if found || err != nil {
		t.Errorf("found %t (%v)", found, err)
	}
	crds := client.Resource(schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"})
	if list, err := crds.List(t.Context(), metav1.ListOptions{}); err != nil || len(list.Items) != 0 || list.GetResourceVersion() == "" {
		t.Errorf("%v (%v)", list, err)
	}
	if _, err := crds.Get(t.Context(), "widgets.example.com", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Error(err)
	}
	if err := crds.Delete(t.Context(), "widgets.example.com", metav1.DeleteOptions{}); !apierrors.IsMethodNotSupported(err) {
		t.Error(err)
	}
}
