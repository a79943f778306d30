package rollout_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"cairn/events"
	"cairn/projections/view"
	"cairn/reconcilers/engine/steptest"
	"cairn/reconcilers/replicas"
	"cairn/reconcilers/rollout"
	"cairn/reconcilers/scheduler"
)

const shop = `apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: %d
  strategy: {rollingUpdate: {maxSurge: %d, maxUnavailable: %d}}
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: c, image: image-%d}]}`

// In whatever order things happen, and with new templates at any time, a
// rollout keeps within its bounds and ends with the last template.
func TestRolloutsKeepWithinTheirBounds(t *testing.T) {
	for seed := range uint64(25) {
		if err := rollOut(seed); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
	}
}

func rollOut(seed uint64) error {
	dice := rand.New(rand.NewPCG(seed, 1))
	want, surge := 1+dice.IntN(6), dice.IntN(3)
	unavailable := dice.IntN(3)
	if surge == 0 {
		unavailable = max(1, unavailable)
	}
	w := steptest.New()
	for _, n := range []string{"n1", "n2", "n3"} {
		w.AddNode(n, events.Facts{Node: &events.Node{Allocatable: events.Resources{Pods: 110}, Addresses: []events.Pair{{Key: "InternalIP", Value: "192.0.2.1"}}}})
	}
	image := 0
	w.Apply(fmt.Sprintf(shop, want, surge, unavailable, image))
	troupe := steptest.NewTroupe(w, rollout.Reconciler{}, replicas.Reconciler{}, scheduler.Reconciler{})
	for range 200 { // the first one up
		for troupe.Act(dice.IntN) {
		}
		w.Run()
	}
	for i := range 600 {
		switch x := dice.IntN(40); {
		case x == 0 && i < 400:
			image = dice.IntN(4)
			w.Apply(fmt.Sprintf(shop, want, surge, unavailable, image))
		case x < 15:
			w.RunOne(dice.IntN)
		default:
			troupe.Act(dice.IntN)
		}
		if err := within(w, want, surge, unavailable); err != nil {
			return fmt.Errorf("after %d: %w\n%s%s", i, err, w.Show(events.ReplicaSets), w.Show(events.Pods))
		}
	}
	for range 200 {
		for troupe.Act(dice.IntN) {
		}
		w.Run()
	}
	pods, _, _ := w.List(events.Pods, view.Page{})
	for _, p := range pods {
		if !strings.Contains(string(p.Spec.Data), fmt.Sprintf(`"image":"image-%d"`, image)) || !p.Projected.Pod.Ready {
			return fmt.Errorf("at the end %s is not a ready pod of image-%d", p.Ref, image)
		}
	}
	if len(pods) != want {
		return fmt.Errorf("at the end there are %d pods, not %d\n%s", len(pods), want, w.Show(events.Deployments))
	}
	return nil
}

// within checks the promises of a rolling update; at first all were available.
func within(w *steptest.World, want, surge, unavailable int) error {
	total, ready := 0, 0
	sets, _, _ := w.List(events.ReplicaSets, view.Page{})
	for _, s := range sets {
		total += int(s.Facts.Workload.Replicas)
		ready += int(s.Projected.Workload.Ready)
	}
	if total > want+surge {
		return fmt.Errorf("%d pods are wanted of %d and %d more", total, want, surge)
	}
	if least := want - min(want, unavailable); ready < least {
		return fmt.Errorf("%d pods are available, at least %d must be", ready, least)
	}
	return nil
}
