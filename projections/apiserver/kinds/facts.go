package kinds

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"cairn/events"
)

// FactsOf extracts all that the fold may know of o.
func (k *Kind) FactsOf(o Object) events.Facts {
	f := events.Facts{
		Labels:     pairs(o.GetLabels()),
		Finalizers: set(o.GetFinalizers()),
		Generation: uint64(max(o.GetGeneration(), 0)),
	}
	for _, r := range o.GetOwnerReferences() {
		f.Owners = append(f.Owners, events.Owner{
			Kind: OwnerKind(r.APIVersion, r.Kind), Name: r.Name, UID: string(r.UID),
			Controller: r.Controller != nil && *r.Controller,
			Block:      r.BlockOwnerDeletion != nil && *r.BlockOwnerDeletion,
		})
	}
	if t := o.GetDeletionTimestamp(); t != nil {
		f.Deleting = t.Unix()
	}
	if g := o.GetDeletionGracePeriodSeconds(); g != nil {
		f.Grace = *g
	}
	if k.Facts != nil {
		k.Facts(o, &f)
	}
	return f
}

var ownerKinds = func() map[schema.GroupKind]string {
	m := map[schema.GroupKind]string{}
	for _, k := range Served() {
		m[k.Version.GroupKind()] = k.Name
	}
	return m
}()

// OwnerKind names the kind of an owner reference as events.Ref does. A kind
// that is not served gets its plain plural, which never names a live object.
func OwnerKind(apiVersion, kind string) string {
	gv, _ := schema.ParseGroupVersion(apiVersion)
	if n, ok := ownerKinds[gv.WithKind(kind).GroupKind()]; ok {
		return n
	}
	n := strings.ToLower(kind) + "s"
	if gv.Group != "" {
		n += "." + gv.Group
	}
	return n
}

// pairs turns a map into a sorted list.
func pairs(m map[string]string) []events.Pair {
	if len(m) == 0 {
		return nil
	}
	list := make([]events.Pair, 0, len(m))
	for k, v := range m {
		list = append(list, events.Pair{Key: k, Value: v})
	}
	slices.SortFunc(list, func(a, b events.Pair) int { return strings.Compare(a.Key, b.Key) })
	return list
}

func set(list []string) []string {
	if len(list) == 0 {
		return nil
	}
	list = slices.Clone(list)
	slices.Sort(list)
	return slices.Compact(list)
}

func selector(s *metav1.LabelSelector) events.Selector {
	if s == nil {
		return events.Selector{}
	}
	var out events.Selector
	for _, p := range pairs(s.MatchLabels) {
		out.Requirements = append(out.Requirements, events.Requirement{Key: p.Key, Operator: "In", Values: []string{p.Value}})
	}
	for _, e := range s.MatchExpressions {
		out.Requirements = append(out.Requirements, events.Requirement{Key: e.Key, Operator: string(e.Operator), Values: set(e.Values)})
	}
	slices.SortFunc(out.Requirements, func(a, b events.Requirement) int {
		if c := strings.Compare(a.Key, b.Key); c != 0 {
			return c
		}
		return strings.Compare(a.Operator, b.Operator)
	})
	return out
}

// hashLabel is left out of a template's hash: it holds the hash.
const hashLabel = "pod-template-hash"

// TemplateHash is ten hex digits over the template without pod-template-hash.
func TemplateHash(t *corev1.PodTemplateSpec) string {
	t = t.DeepCopy()
	delete(t.Labels, hashLabel)
	if len(t.Labels) == 0 {
		t.Labels = nil
	}
	b, err := json.Marshal(t)
	if err != nil {
		panic("kinds: a pod template does not marshal: " + err.Error())
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:5])
}

func sizes[V string | []byte](m map[string]V, f *events.Facts) {
	for k, v := range m {
		f.Sizes = append(f.Sizes, events.Size{Key: k, Bytes: uint64(len(v))})
	}
	slices.SortFunc(f.Sizes, func(a, b events.Size) int { return strings.Compare(a.Key, b.Key) })
}
