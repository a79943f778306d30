package history

import (
	"errors"
	"fmt"
	"strings"

	"cairn/events"
)

// kind is one kind under the names that kubectl knows it by.
type kind struct {
	name       string   // as in events.Ref
	said       string   // as people say it in a sentence
	short      []string // beside name, its resource part and its singular
	namespaced bool
}

// kinds is what can be asked about by name, in the order of help texts.
var kinds = []kind{
	{events.Pods, "pod", []string{"po"}, true},
	{events.Services, "service", []string{"svc"}, true},
	{events.Deployments, "deployment", []string{"deploy"}, true},
	{events.ReplicaSets, "replica set", []string{"rs", "replicaset"}, true},
	{events.ReplicationCtrl, "replication controller", []string{"rc", "replicationcontroller"}, true},
	{events.ConfigMaps, "config map", []string{"cm", "configmap"}, true},
	{events.Secrets, "secret", nil, true},
	{events.Endpoints, "endpoints", []string{"ep"}, true},
	{events.EndpointSlices, "endpoint slice", []string{"endpointslice"}, true},
	{events.ServiceAccounts, "service account", []string{"sa", "serviceaccount"}, true},
	{events.Events, "event", []string{"ev"}, true},
	{events.Leases, "lease", nil, true},
	{events.Namespaces, "namespace", []string{"ns"}, false},
	{events.Nodes, "node", []string{"no"}, false},
	{"roles.rbac.authorization.k8s.io", "role", nil, true},
	{"rolebindings.rbac.authorization.k8s.io", "role binding", []string{"rolebinding"}, true},
	{"clusterroles.rbac.authorization.k8s.io", "cluster role", []string{"clusterrole"}, false},
	{"clusterrolebindings.rbac.authorization.k8s.io", "cluster role binding", []string{"clusterrolebinding"}, false},
	{events.Cells, "cell", nil, false},
}

// ErrName is wrapped by refusals of a KIND/NAME; the text says what to write.
var ErrName = errors.New("no such kind of object")

// ParseRef reads KIND/NAME as kubectl would: po/x, pods/x, deployment.apps/web.
// Namespaced kinds get the namespace given, cluster-scoped ones none.
func ParseRef(text, namespace string) (events.Ref, error) {
	k, name, ok := strings.Cut(text, "/")
	if !ok || k == "" || name == "" || strings.Contains(name, "/") {
		return events.Ref{}, fmt.Errorf("%w: %q; write KIND/NAME as for kubectl: po/web-1, deploy/web", ErrName, text)
	}
	for _, c := range kinds {
		if !c.called(strings.ToLower(k)) {
			continue
		}
		if !c.namespaced {
			namespace = ""
		}
		return events.Ref{Kind: c.name, Namespace: namespace, Name: name}, nil
	}
	return events.Ref{}, fmt.Errorf("%w: %q; known are pods, services, deployments and what else `cairn kubectl api-resources` lists", ErrName, k)
}

// called reports whether word names the kind: full, plural, singular or short,
// with the group or without.
func (k kind) called(word string) bool {
	resource, group, _ := strings.Cut(k.name, ".")
	if head, tail, ok := strings.Cut(word, "."); ok {
		if !strings.HasPrefix(group, tail) || group == "" {
			return false
		}
		word = head
	}
	if word == resource || word == strings.TrimSuffix(resource, "s") {
		return true
	}
	for _, s := range k.short {
		if word == s {
			return true
		}
	}
	return false
}

// Say names an object in a sentence: "pod web-1", "pod web-1 in shop".
func Say(r events.Ref) string {
	said := r.Kind
	for _, k := range kinds {
		if k.name == r.Kind {
			said = k.said
		}
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
