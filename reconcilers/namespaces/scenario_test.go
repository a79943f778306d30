package namespaces_test

import (
	"testing"

	"cairn/reconcilers/namespaces"
	"cairn/reconcilers/scheduler"
	"cairn/reconcilers/steptest"
)

func TestScenarios(t *testing.T) {
	steptest.Play(t, "testdata", namespaces.Reconciler{CA: "PEM"}, scheduler.Reconciler{})
}
