package rollout_test

import (
	"testing"

	"cairn/reconcilers/engine/steptest"
	"cairn/reconcilers/replicas"
	"cairn/reconcilers/rollout"
	"cairn/reconcilers/scheduler"
)

func TestScenarios(t *testing.T) {
	steptest.Play(t, "testdata", rollout.Reconciler{}, replicas.Reconciler{}, scheduler.Reconciler{})
}
