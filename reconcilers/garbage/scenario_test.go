package garbage_test

import (
	"testing"

	"cairn/reconcilers/engine/steptest"
	"cairn/reconcilers/garbage"
)

func TestScenarios(t *testing.T) {
	steptest.Play(t, "testdata", garbage.Reconciler{})
}
