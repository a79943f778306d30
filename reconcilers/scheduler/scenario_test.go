package scheduler_test

import (
	"testing"

	"cairn/reconcilers/scheduler"
	"cairn/reconcilers/steptest"
)

func TestScenarios(t *testing.T) {
	steptest.Play(t, "testdata", scheduler.Reconciler{})
}
