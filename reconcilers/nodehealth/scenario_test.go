package nodehealth_test

import (
	"testing"

	"cairn/reconcilers/nodehealth"
	"cairn/reconcilers/scheduler"
	"cairn/reconcilers/steptest"
)

func TestScenarios(t *testing.T) {
	steptest.Play(t, "testdata", nodehealth.Reconciler{}, scheduler.Reconciler{})
}
