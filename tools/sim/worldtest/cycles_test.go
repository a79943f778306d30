package worldtest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"cairn/events"
	"cairn/projections/view"
)

// Owners may go in a circle, or name themselves: nobody may go round with them,
// and what is deleted goes.
func TestOwnersInACircleKeepNobodyBusy(t *testing.T) {
	for seed := range uint64(16) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			In(t, seed, func(w *World) { circles(w, Random(seed, "circles")) })
		})
	}
}

var circling = []struct{ kind, version, name string }{
	{"Deployment", "apps/v1", events.Deployments}, {"ReplicaSet", "apps/v1", events.ReplicaSets},
	{"ReplicationController", "v1", events.ReplicationCtrl}, {"ConfigMap", "v1", events.ConfigMaps},
}

func circles(w *World, rng *rand.Rand) {
	var refs []events.Ref
	var types []int
	for i := range 8 {
		k := rng.IntN(len(circling))
		types = append(types, k)
		refs = append(refs, events.Ref{Kind: circling[k].name, Namespace: "default", Name: fmt.Sprint("o", i)})
		doc := fmt.Sprintf("apiVersion: %s\nkind: %s\nmetadata: {name: o%d}\n", circling[k].version, circling[k].kind, i)
		switch circling[k].kind {
		case "ReplicationController":
			doc += fmt.Sprintf("spec: {replicas: %d, selector: {app: o%d}, template: {metadata: {labels: {app: o%d}}, spec: {containers: [{name: c, image: i}]}}}", rng.IntN(3), i, i)
		case "Deployment", "ReplicaSet":
			doc += fmt.Sprintf("spec: {replicas: %d, selector: {matchLabels: {app: o%d}}, template: {metadata: {labels: {app: o%d}}, spec: {containers: [{name: c, image: i}]}}}", rng.IntN(3), i, i)
		}
		w.Must(w.Apply(doc))
	}
	w.Must(w.Node("n1"))
	plain := rng.IntN(2) == 0 // one circle and nothing else; else anybody owns anybody, itself too
	block := rng.IntN(3) > 0
	for i, ref := range refs {
		owners := []any{}
		of := []int{(i + 1) % len(refs)}
		if j := rng.IntN(len(refs)); !plain && j != of[0] {
			of = append(of, j)
		}
		for _, j := range of {
			o, err := w.Cell.Get(refs[j], 0)
			w.Must(err)
			owners = append(owners, map[string]any{"apiVersion": circling[types[j]].version, "kind": circling[types[j]].kind, "name": refs[j].Name,
				"uid": o.UID, "controller": !plain && len(owners) == 0, "blockOwnerDeletion": plain && block || !plain && rng.IntN(2) == 0})
		}
		w.Must(w.Patch(ref, map[string]any{"metadata": map[string]any{"ownerReferences": owners}}))
	}
	o := w.Whole()
	o.Silence = nil
	w.Run(o)
	for range 60 {
		w.Must(w.RunNodes())
		w.Pass(time.Second)
	}
	quiet(w)
	policy := []metav1.DeletionPropagation{metav1.DeletePropagationForeground, metav1.DeletePropagationForeground, metav1.DeletePropagationBackground}[rng.IntN(3)]
	one := refs[rng.IntN(len(refs))]
	w.Must(w.Delete(one, policy))
	w.Until(10*time.Minute, fmt.Sprintf("%s went, and all with it where they are one circle (%s)", one, policy), func() bool {
		w.Must(w.RunNodes())
		if !plain {
			_, err := w.Cell.Get(one, 0)
			return errors.Is(err, view.ErrNotFound)
		}
		left := len(w.List(events.Pods))
		for _, k := range circling {
			for _, o := range w.List(k.name) {
				if o.GetName() != "kube-root-ca.crt" {
					left++
				}
			}
		}
		return left == 0
	})
	quiet(w)
}

// quiet fails where something still happens though nobody does anything.
func quiet(w *World) {
	w.T.Helper()
	at := w.Cell.Position().Offset
	w.Pass(3 * time.Minute)
	if n := w.Cell.Position().Offset - at; n > 3 {
		for i, e := range w.Records(at + 1) {
			if i < 10 {
				w.T.Logf("%s %s by %s: %s", e.Type, e.Subject, e.Actor.Who(), e.Reason)
			}
		}
		w.T.Fatalf("%d records though nothing happened\n%s", n, w.All())
	}
}
