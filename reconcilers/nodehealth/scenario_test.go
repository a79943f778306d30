package nodehealth_test

import (
	"testing"

	"cairn/reconcilers/engine/steptest"
	"cairn/reconcilers/nodehealth"
	"cairn/reconcilers/scheduler"
)

func TestScenarios(t *testing.T) {
	steptest.Play(t, "testdata", nodehealth.Reconciler{}, scheduler.Reconciler{})
}
