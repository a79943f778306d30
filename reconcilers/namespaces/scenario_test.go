package namespaces_test

import (
	"testing"

	"cairn/reconcilers/engine/steptest"
	"cairn/reconcilers/namespaces"
	"cairn/reconcilers/scheduler"
)

func TestScenarios(t *testing.T) {
	steptest.Play(t, "testdata", namespaces.Reconciler{CA: "PEM"}, scheduler.Reconciler{})
}
