package scheduler_test

import (
	"testing"

	"cairn/reconcilers/engine/steptest"
	"cairn/reconcilers/scheduler"
)

func TestScenarios(t *testing.T) {
	steptest.Play(t, "testdata", scheduler.Reconciler{})
}
