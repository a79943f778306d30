package replicas_test

import (
	"testing"

	"cairn/reconcilers/engine/steptest"
	"cairn/reconcilers/replicas"
	"cairn/reconcilers/scheduler"
)

func TestScenarios(t *testing.T) {
	steptest.Play(t, "testdata", replicas.Reconciler{}, scheduler.Reconciler{})
}
