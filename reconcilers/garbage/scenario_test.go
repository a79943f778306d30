package garbage_test

import (
	"testing"

	"cairn/reconcilers/garbage"
	"cairn/reconcilers/steptest"
)

func TestScenarios(t *testing.T) {
	steptest.Play(t, "testdata", garbage.Reconciler{})
}
