package rollout_test

import (
	"testing"

	"cairn/reconcilers/replicas"
	"cairn/reconcilers/rollout"
	"cairn/reconcilers/scheduler"
	"cairn/reconcilers/steptest"
)

func TestScenarios(t *testing.T) {
	steptest.Play(t, "testdata", rollout.Reconciler{}, replicas.Reconciler{}, scheduler.Reconciler{})
}
