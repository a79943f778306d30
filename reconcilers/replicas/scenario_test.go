package replicas_test

import (
	"testing"

	"cairn/reconcilers/replicas"
	"cairn/reconcilers/scheduler"
	"cairn/reconcilers/steptest"
)

func TestScenarios(t *testing.T) {
	steptest.Play(t, "testdata", replicas.Reconciler{}, scheduler.Reconciler{})
}
