package reconcile

import (
	"encoding/json"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"

	"cairn/events"
)

// Content types of request bodies.
const (
	JSON           = "application/json"
	MergePatch     = "application/merge-patch+json" // RFC 7386
	StrategicPatch = "application/strategic-merge-patch+json"
)

// versions names API versions of groups that are not v1.
var versions = map[string]string{"autoscaling": "v2"}

// Path is the request's path on the API server.
func (r *Request) Path() string {
	resource, group, grouped := strings.Cut(r.Ref.Kind, ".")
	path := "/api/v1"
	if grouped {
		version := versions[group]
		if version == "" {
			version = "v1"
		}
		path = "/apis/" + group + "/" + version
	}
	if r.Ref.Namespace != "" {
		path += "/namespaces/" + r.Ref.Namespace
	}
	path += "/" + resource
	if r.Ref.Name != "" && r.Method != "POST" {
		path += "/" + r.Ref.Name
	}
	if r.Subresource != "" {
		path += "/" + r.Subresource
	}
	return path
}

// Create asks for a new object; its ref has no name where the server makes one up.
func Create(ref events.Ref, body runtime.Object) *Request {
	return &Request{Method: "POST", Ref: ref, ContentType: JSON, Body: encode(body)}
}

// Patch asks for a change of o by a patch of the given content type. The patch
// names o's uid, and with exact its revision, so that it can't hit another object.
func Patch(o *Object, subresource, contentType string, exact bool, patch map[string]any) *Request {
	meta, _ := patch["metadata"].(map[string]any)
	if meta == nil {
		meta = map[string]any{}
	}
	meta["uid"] = o.UID
	if exact {
		meta["resourceVersion"] = o.Revision.String()
	}
	patch["metadata"] = meta
	return &Request{Method: "PATCH", Ref: o.Ref, Subresource: subresource, ContentType: contentType, Body: encode(patch)}
}

// Delete asks for the end of o and of no other object of its name. policy is
// how its dependents end; empty: as the kind has it.
func Delete(o *Object, policy metav1.DeletionPropagation) *Request {
	uid := types.UID(o.UID)
	options := metav1.DeleteOptions{
		TypeMeta:      metav1.TypeMeta{Kind: "DeleteOptions", APIVersion: "v1"},
		Preconditions: &metav1.Preconditions{UID: &uid},
	}
	if policy != "" {
		options.PropagationPolicy = &policy
	}
	return &Request{Method: "DELETE", Ref: o.Ref, ContentType: JSON, Body: encode(options)}
}

// encode writes JSON with sorted keys; the values given to it always can be.
func encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic("reconcile: a request body that is no JSON: " + err.Error())
	}
	return b
}

// Put asks to replace o; body carries the revision that it replaces.
func Put(o *Object, subresource string, body runtime.Object) *Request {
	return &Request{Method: "PUT", Ref: o.Ref, Subresource: subresource, ContentType: JSON, Body: encode(body)}
}
