package engine_test

import (
	"testing"

	"github.com/cockroachdb/datadriven"

	"cairn/reconcilers"
	"cairn/reconcilers/engine"
)

// Who reads what and does what is reviewed like code: a reconciler that reaches
// further shows here.
func TestGraph(t *testing.T) {
	datadriven.RunTest(t, "testdata/who-reads-and-emits-what", func(*testing.T, *datadriven.TestData) string {
		return engine.Graph(engine.Options{Cores: reconcilers.Cores(), Reconcilers: reconcilers.All(reconcilers.Config{})})
	})
}
