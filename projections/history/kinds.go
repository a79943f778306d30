package history

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"cairn/events"
	"cairn/projections/kinds"
)

// registry finds kinds under the names that kubectl knows them by.
var registry kinds.Registry = kinds.Builtin()

// own are the subjects of records that no API serves.
var own = map[string]string{events.Cells: "cell", events.Servers: "server"}

// ErrName is wrapped by refusals of a KIND/NAME; the text says what to write.
var ErrName = errors.New("no such kind of object")

// ParseRef reads KIND/NAME as kubectl would: po/x, pods/x, deployment.apps/web.
// Namespaced kinds get the namespace given, cluster-scoped ones none.
func ParseRef(text, namespace string) (events.Ref, error) {
	k, name, ok := strings.Cut(text, "/")
	if !ok || k == "" || name == "" || strings.Contains(name, "/") {
		return events.Ref{}, fmt.Errorf("%w: %q; write KIND/NAME as for kubectl: po/web-1, deploy/web", ErrName, text)
	}
	word := strings.ToLower(k)
	for kind := range own {
		if called(word, kind, "") {
			return events.Ref{Kind: kind, Name: name}, nil
		}
	}
	for _, c := range registry.All() {
		if !called(word, c.Name, strings.ToLower(c.Version.Kind), c.Short...) {
			continue
		}
		if !c.Namespaced {
			namespace = ""
		}
		return events.Ref{Kind: c.Name, Namespace: namespace, Name: name}, nil
	}
	return events.Ref{}, fmt.Errorf("%w: %q; known are pods, services, deployments and what else `cairn kubectl api-resources` lists", ErrName, k)
}

// called reports whether word names the kind: full, plural, singular or short,
// with the group or without.
func called(word, kind, singular string, short ...string) bool {
	resource, group, _ := strings.Cut(kind, ".")
	if head, tail, ok := strings.Cut(word, "."); ok {
		if !strings.HasPrefix(group, tail) || group == "" {
			return false
		}
		word = head
	}
	return word == resource || word == strings.TrimSuffix(resource, "s") || word == singular || slices.Contains(short, word)
}

// Say names an object in a sentence: "pod web-1", "pod web-1 in shop".
func Say(r events.Ref) string {
	said := r.Kind
	if k := registry.Kind(r.Kind); k != nil && k.Said != "" {
		said = k.Said
	} else if word := own[r.Kind]; word != "" {
		said = word
	}
	if r.Name == "" {
		return said
	}
	if r.Namespace == "" || r.Namespace == "default" {
		return said + " " + r.Name
	}
	return said + " " + r.Name + " in " + r.Namespace
}

// Short names an object as kubectl does: pod/web-1.
func Short(r events.Ref) string {
	resource, _, _ := strings.Cut(r.Kind, ".")
	if !strings.HasSuffix(resource, "endpoints") {
		resource = strings.TrimSuffix(resource, "s")
	}
	if r.Name == "" {
		return resource
	}
	return resource + "/" + r.Name
}
