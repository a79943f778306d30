package daemon

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// realTime are the functions that know the machine's time.
var realTime = map[string][]string{
	"time":    {"Now", "Since", "Until", "After", "AfterFunc", "NewTimer", "NewTicker", "Tick", "Sleep"},
	"context": {"WithTimeout", "WithDeadline", "WithTimeoutCause", "WithDeadlineCause"},
}

// TestTheDaemonKnowsNoMachineAndNoClockButItsOwn keeps it fit for simulation:
// files and processes are behind runtime.Runtime, time behind Config.Clock,
// randomness behind Config.Seed. Client, over HTTP, is an edge of its own.
func TestTheDaemonKnowsNoMachineAndNoClockButItsOwn(t *testing.T) {
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	looked := 0
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".go") || strings.HasSuffix(e.Name(), "_test.go") || e.Name() == "client.go" {
			continue
		}
		looked++
		set := token.NewFileSet()
		f, err := parser.ParseFile(set, e.Name(), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range f.Imports {
			if path, err := strconv.Unquote(i.Path.Value); err != nil || slices.Contains([]string{"os", "os/exec", "path/filepath", "math/rand", "cairn/nodes/host", "cairn/nodes/shim", "cairn/nodes/oci", "cairn/nodes/netns"}, path) {
				t.Errorf("%s imports %s: ask the Runtime for it", e.Name(), i.Path.Value)
			}
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if s, ok := n.(*ast.SelectorExpr); ok {
				if x, ok := s.X.(*ast.Ident); ok && slices.Contains(realTime[x.Name], s.Sel.Name) {
					t.Errorf("%s: %s.%s knows the machine's time: ask Config.Clock", set.Position(s.Pos()), x.Name, s.Sel.Name)
				}
			}
			return true
		})
	}
	if looked < 10 {
		t.Errorf("only %d files were looked at", looked)
	}
}
