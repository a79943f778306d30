package serve

import (
	"encoding/json"
	"net/http"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/endpoints/handlers/responsewriters"
	"k8s.io/kubernetes/pkg/api/legacyscheme"
)

// definitionsPath is where clients look for kinds that users defined. kubectl
// does before it calls a kind unknown, and says "failed to check CRD" where
// nobody answers.
const definitionsPath = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"

// definitions answers that there are none. Discovery does not name them, for
// none can be made.
func (s *Server) definitions(w http.ResponseWriter, r *http.Request) {
	resource := schema.GroupResource{Group: "apiextensions.k8s.io", Resource: "customresourcedefinitions"}
	name := strings.Trim(strings.TrimPrefix(r.URL.Path, definitionsPath), "/")
	var err error
	switch {
	case r.Method != http.MethodGet || r.URL.Query().Get("watch") != "":
		err = apierrors.NewMethodNotSupported(resource, strings.ToLower(r.Method))
	case name != "":
		err = apierrors.NewNotFound(resource, name)
	}
	if err != nil {
		responsewriters.ErrorNegotiated(err, legacyscheme.Codecs, schema.GroupVersion{Group: resource.Group, Version: "v1"}, w, r)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(struct { //nolint:errcheck // the client is gone
		metav1.TypeMeta `json:",inline"`
		metav1.ListMeta `json:"metadata"`
		Items           []struct{} `json:"items"`
	}{metav1.TypeMeta{APIVersion: "apiextensions.k8s.io/v1", Kind: "CustomResourceDefinitionList"},
		metav1.ListMeta{ResourceVersion: s.engine.Cell().Position().Revision().String()}, []struct{}{}})
}
