package kinds

import (
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"cairn/events"
	"cairn/projections/view"
)

// Object is a Kubernetes object with metadata.
type Object interface {
	metav1.Object
	runtime.Object
}

// Kind is all that Cairn knows of one kind, in its stored version. Name,
// Version and New must be set; of the rest, what the kind has.
//
// Invariant: what Render writes of the fold's, Strip takes out again, and Life
// names it: TestLifeNamesWhatTheFoldOwns.
type Kind struct {
	Name       string // as in events.Ref: deployments.apps
	Version    schema.GroupVersionKind
	Namespaced bool
	Verbatim   bool     // shown as it is stored, but for its resourceVersion: nothing is rendered, nothing defaulted
	Encrypted  bool     // bodies are encrypted before they reach the ledger
	Bodiless   bool     // rendered though nothing is stored; a user's own may have a body
	Said       string   // in a sentence: replica set
	Short      []string // what else kubectl calls it: rs
	New        func() Object

	// Extract adds what the fold must know beyond the common fields.
	Extract func(in Object, before Before, f *events.Facts)
	// Render gives the object as it is shown: o, which may be changed, with the
	// fold's fields. o is nil where nothing is stored: then it is made from v.
	Render func(o Object, v *view.Object, r Reader) (Object, error)
	// Status is how the kind's status is stored where it is a message of events;
	// nil: as Kubernetes encodes it.
	Status *Status
	// Strip takes the fold's fields out of an object on its way in: shown is what
	// the client saw, stored what lies below it; both nil on create.
	Strip func(in, shown, stored Object)
	// Field is the value of a field that selectors ask for, where a row tells it
	// without a body being decoded. Names and namespaces are known of all kinds.
	Field func(v *view.Object, path string) (value string, known bool)
	// Refuse names what an object asks for and Cairn does not do yet.
	Refuse func(o Object, c *Complaints)
	// Life says whose each part of an object's life is; what is not named is
	// the client's, who writes it.
	Life []Share
}

// Status turns a status into a message of events, and back: what nodes say is
// stored in words of ours, so that no upgrade of a library changes its bytes.
type Status struct {
	// Decode writes what a message says into o's status.
	Decode func(message []byte, o Object) error
	// Encode gives the message for o's status over the one that is stored; nil:
	// none is. Where it gives none (ok is false), the status is stored as
	// Kubernetes encodes it.
	Encode func(o Object, stored []byte) (message []byte, ok bool, err error)
}

// Reader is what rendering may ask beside the object itself.
type Reader interface {
	Registry
	// Prefixed lists the objects of a namespace whose names begin with prefix, by
	// name, as of a revision. It costs what it lists.
	Prefixed(kind, namespace, prefix string, at events.Revision) ([]*view.Object, error)
	// Created is when the object came to be, to the second of ledger time.
	Created(v *view.Object) metav1.Time
}

// Before is an object as it was when it is updated; zero on create.
type Before struct {
	Facts *events.Facts
	// Object is what its writer was given: defaulted by the same library as
	// what he made of it. It is made when first asked for; nil on create.
	Object func() Object
}

// Owner says whose something is.
type Owner string

const (
	Fold Owner = "fold" // a function of other state: nothing writes it
	Node Owner = "node" // its daemon reports it
	API  Owner = "api"  // the API server, as upstream's registries do
)

// Reconciler owns what the reconciler of that name does.
func Reconciler(name string) Owner { return Owner("reconciler " + name) }

// Share is one part of an object's life: a field's path, as in
// status.replicas, or a duty in words.
type Share struct {
	Part  string
	Owner Owner
}

// IsField reports whether the part is a field, and no duty.
func (s Share) IsField() bool {
	for _, head := range []string{"metadata.", "spec.", "status.", "subsets", "endpoints", "ports"} {
		if strings.HasPrefix(s.Part, head) {
			return true
		}
	}
	return false
}

// Resource is the kind's group and resource.
func (k *Kind) Resource() schema.GroupResource { return schema.ParseGroupResource(k.Name) }

// FieldOf is what Field knows, and names.
func (k *Kind) FieldOf(v *view.Object, path string) (value string, known bool) {
	switch path {
	case "metadata.name":
		return v.Ref.Name, true
	case "metadata.namespace":
		return v.Ref.Namespace, true
	}
	if k.Field == nil {
		return "", false
	}
	return k.Field(v, path)
}
