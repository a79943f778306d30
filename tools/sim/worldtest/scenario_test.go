package worldtest

import (
	"testing"

	"cairn/reconcilers/garbage"
	"cairn/reconcilers/namespaces"
	"cairn/reconcilers/nodehealth"
	"cairn/reconcilers/reconcile"
	"cairn/reconcilers/replicas"
	"cairn/reconcilers/rollout"
	"cairn/reconcilers/scheduler"
)

// Every reconciler's scenarios lie beside it. The first of each is the one whose
// plans they print; the others act when a scenario says settle.
func TestScenarios(t *testing.T) {
	placing := func() []reconcile.Core { return []reconcile.Core{scheduler.New()} }
	for _, c := range []struct {
		first string
		cores func() []reconcile.Core
		list  func(*World) []reconcile.Reconciler
	}{
		{"scheduler", placing, nil},
		{"replicas", placing, of(replicas.Reconciler{})},
		{"rollout", placing, of(rollout.Reconciler{}, replicas.Reconciler{})},
		{"nodehealth", placing, of(nodehealth.Reconciler{})},
		{"garbage", nil, of(garbage.Reconciler{})},
		{"namespaces", placing, func(w *World) []reconcile.Reconciler {
			return []reconcile.Reconciler{namespaces.Reconciler{CA: string(w.CA.CertPEM())}}
		}},
	} {
		t.Run(c.first, func(t *testing.T) {
			Play(t, "../../../reconcilers/"+c.first+"/testdata", c.first, c.cores, c.list)
		})
	}
}

func of(list ...reconcile.Reconciler) func(*World) []reconcile.Reconciler {
	return func(*World) []reconcile.Reconciler { return list }
}
