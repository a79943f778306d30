package worldtest

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"cairn/events"
	"cairn/projections/view"
	"cairn/reconcilers/engine"
	"cairn/reconcilers/reconcile"
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
	for seed := range uint64(12) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			In(t, seed, func(w *World) { rollOut(w, Random(seed, "bounds")) })
		})
	}
}

func rollOut(w *World, rng *rand.Rand) {
	want, surge, unavailable := 1+rng.IntN(6), rng.IntN(3), rng.IntN(3)
	if surge == 0 {
		unavailable = max(1, unavailable)
	}
	for _, n := range []string{"n1", "n2", "n3"} {
		w.Must(w.Node(n))
	}
	image := 0
	w.Must(w.Apply(fmt.Sprintf(shop, want, surge, unavailable, image)))
	o := w.Engine()
	o.Reconcilers = []reconcile.Reconciler{rollout.Reconciler{}, replicas.Reconciler{}}
	o.Cores = []reconcile.Core{scheduler.New()}
	s, err := engine.NewStepper(w.ctx, o)
	w.Must(err)
	w.comeToRest(s)
	for i := range 250 {
		switch x := rng.IntN(40); {
		case x == 0 && i < 180:
			image = rng.IntN(4)
			w.Must(w.Apply(fmt.Sprintf(shop, want, surge, unavailable, image)))
		case x < 15:
			w.Must(w.RunOne(rng.IntN))
		default:
			w.Must(actOnAny(w, s, rng))
		}
		if err := within(w, want, surge, unavailable); err != nil {
			w.T.Fatalf("after %d: %v\n%s", i, err, w.All())
		}
	}
	w.comeToRest(s)
	pods := w.List(events.Pods)
	for _, p := range pods {
		o := object{p}
		c, _ := o.at("spec", "containers").([]any)
		if len(c) != 1 || c[0].(map[string]any)["image"] != fmt.Sprint("image-", image) || o.condition("Ready")["status"] != "True" {
			w.T.Fatalf("at the end %s is not a ready pod of image-%d\n%s", p.GetName(), image, w.All())
		}
	}
	if len(pods) != want {
		w.T.Fatalf("at the end there are %d pods, not %d\n%s", len(pods), want, w.All())
	}
}

// comeToRest lets reconcilers and nodes work by turns until neither finds anything.
func (w *World) comeToRest(s *engine.Stepper) {
	for at := events.NoOffset; at != w.Cell.Position().Offset; {
		at = w.Cell.Position().Offset
		_, err := Settle(w, s)
		w.Must(err)
		w.Must(w.RunNodes())
	}
}

// actOnAny looks at one of the things that wait to be looked at.
func actOnAny(w *World, s *engine.Stepper, rng *rand.Rand) error {
	if err := s.CatchUp(); err != nil {
		return err
	}
	ready := s.Ready()
	if len(ready) == 0 {
		return nil
	}
	_, _, err := s.Act(w.ctx, ready[rng.IntN(len(ready))])
	return err
}

// within checks the promises of a rolling update; at first all were available.
func within(w *World, want, surge, unavailable int) error {
	total, ready := 0, 0
	sets, _, err := w.Cell.List(events.ReplicaSets, view.Page{})
	w.Must(err)
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
