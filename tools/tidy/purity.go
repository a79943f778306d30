package tidy

import (
	"fmt"
	"go/ast"
	"path"
	"slices"
	"strconv"
	"strings"
)

// core is a folder whose packages are pure: no I/O, clock, dice, lock or
// goroutine. Impure names folders below it that are not.
type core struct {
	folder string
	impure []string
	// strict cores must give the same answer in every binary for ever.
	strict bool
}

var cores = []core{
	{folder: "events", impure: []string{"events/ledger", "events/feed"}, strict: true},
	{folder: "projections/fold", strict: true},
	{folder: "projections/fit", strict: true},
	{folder: "projections/message"},
	{folder: "dataplane/ruleset"},
	{folder: "dataplane/trace"},
	{folder: "projections/digest", strict: true},
	{folder: "nodes/lifecycle"},
	{folder: "projections/feeds", impure: []string{"projections/feeds/hub", "projections/feeds/emitter", "projections/feeds/feedstest"}},
	{folder: "reconcilers", impure: []string{"reconcilers/engine"}},
}

// effects are what no core imports, each with all below it; net/netip is
// values only, and is fine.
var effects = []string{
	"os", "net", "sync", "log", "math/rand", "crypto/rand", "syscall", "unsafe",
	"github.com/cockroachdb/pebble", "github.com/segmentio/kafka-go", "golang.org/x/sys",
}

// undetermined is what a strict core may not import either: its outcome could
// change with a library's version or differ between two runs.
var undetermined = []string{"regexp", "reflect", "k8s.io", "encoding/json", "text/template"}

// clock is what of package time reads or waits for the clock.
var clock = []string{"Now", "Since", "Until", "After", "AfterFunc", "Sleep", "Tick", "NewTimer", "NewTicker"}

// Purity finds effects in the pure cores. Test files are free.
func Purity(t *Tree) []string {
	var found []string
	for _, f := range t.Go {
		c, ok := coreOf(f.Dir)
		if !ok || f.Test {
			continue
		}
		for _, name := range f.Imports {
			banned := underAny(name, effects) && name != "net/netip" || c.strict && underAny(name, undetermined)
			if banned {
				found = append(found, fmt.Sprintf("%s imports %s: %s is pure; take what it gives as an argument, or return what to do as a value", f.Path, name, c.folder))
			}
		}
		found = append(found, impureCode(f)...)
	}
	return found
}

func coreOf(dir string) (core, bool) {
	i := slices.IndexFunc(cores, func(c core) bool { return under(dir, c.folder) && !underAny(dir, c.impure) })
	if i < 0 {
		return core{}, false
	}
	return cores[i], true
}

// impureCode finds goroutines and readings of the clock.
func impureCode(f *GoFile) []string {
	var found []string
	timeName := importedAs(f, "time")
	ast.Inspect(f.AST, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			found = append(found, f.at(n)+": a pure core starts no goroutine; leave that to its caller")
		case *ast.SelectorExpr:
			x, ok := n.X.(*ast.Ident)
			if ok && x.Name == timeName && timeName != "" && slices.Contains(clock, n.Sel.Name) {
				found = append(found, fmt.Sprintf("%s: time.%s: a pure core has no clock; take the moment as an argument", f.at(n), n.Sel.Name))
			}
		}
		return true
	})
	return found
}

// importedAs returns the name under which the file knows the package, "" if it
// does not.
func importedAs(f *GoFile, name string) string {
	for _, spec := range f.AST.Imports {
		if p, err := strconv.Unquote(spec.Path.Value); err != nil || p != name {
			continue
		}
		if spec.Name != nil {
			return spec.Name.Name
		}
		return strings.TrimSuffix(path.Base(name), ".go")
	}
	return ""
}
