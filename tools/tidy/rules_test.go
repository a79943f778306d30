package tidy

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// small makes a tree of the files given: path, content.
func small(t *testing.T, files map[string]string) *Tree {
	t.Helper()
	root := fstest.MapFS{}
	for name, content := range files {
		root[name] = &fstest.MapFile{Data: []byte(content)}
	}
	tree, err := Read(root)
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

// doc is a package comment of the least length.
func doc(name string) string {
	return "// Package " + name + " is.\n" + strings.Repeat("// More.\n", docLeast-1) + "package " + name + "\n"
}

// Each rule finds what breaks it, with the word given in the finding, and
// nothing in what keeps it.
func TestRulesOnSmallTrees(t *testing.T) {
	for _, c := range []struct {
		rule    func(*Tree) []string
		name    string
		path    string
		content string
		want    string // part of the only finding; empty: none
	}{
		{Directions, "up the arrow", "events/a.go", "package events\nimport _ \"cairn/projections/fold\"\n", "events may import only its own folder"},
		{Directions, "along it", "projections/view/a.go", "package view\nimport _ \"cairn/events\"\nimport _ \"cairn/projections/fold\"\n", ""},
		{Directions, "siblings", "nodes/daemon/a.go", "package daemon\nimport _ \"cairn/dataplane/nft\"\n", "hand it in as an interface"},
		{Directions, "the engine appends", "reconcilers/engine/a.go", "package engine\nimport _ \"cairn/projections/follower\"\n", ""},
		{Directions, "no other reconciler does", "reconcilers/rollout/a.go", "package rollout\nimport _ \"cairn/projections/follower\"\n", "reconcilers may import"},
		{Directions, "a test too", "nodes/daemon/a_test.go", "package daemon\nimport _ \"cairn/projections/store\"\n", "nodes may import"},
		{Directions, "tools", "projections/store/a.go", "package store\nimport _ \"cairn/tools/sim\"\n", "cairn/tools/sim"},
		{Directions, "unknown folder", "pkg/a.go", "package pkg\nimport _ \"cairn/events\"\n", "not in the picture"},
		{Directions, "a longer name is another folder", "events/a.go", "package events\nimport _ \"cairn/eventsource\"\n", "cairn/eventsource"},
		{Owners, "elsewhere", "nodes/a.go", "package nodes\nimport _ \"github.com/cockroachdb/pebble/v2\"\n", "only projections/store may"},
		{Owners, "at home", "projections/store/a.go", "package store\nimport _ \"github.com/cockroachdb/pebble/v2/vfs\"\n", ""},
		{Purity, "os", "projections/fold/a.go", "package fold\nimport _ \"os\"\n", "imports os"},
		{Purity, "net", "dataplane/ruleset/a.go", "package ruleset\nimport _ \"net\"\n", "imports net"},
		{Purity, "netip", "dataplane/ruleset/a.go", "package ruleset\nimport _ \"net/netip\"\n", ""},
		{Purity, "the engine is not pure", "reconcilers/engine/a.go", "package engine\nimport _ \"sync\"\n", ""},
		{Purity, "tests are free", "events/a_test.go", "package events\nimport _ \"os\"\n", ""},
		{Purity, "clock", "reconcilers/x/a.go", "package x\nimport now \"time\"\nvar t = now.Now()\n", "no clock"},
		{Purity, "durations are values", "reconcilers/x/a.go", "package x\nimport \"time\"\nvar t = time.Second\n", ""},
		{Purity, "goroutine", "events/a.go", "package events\nfunc f() { go f() }\n", "no goroutine"},
		{Purity, "strict", "projections/fold/a.go", "package fold\nimport _ \"regexp\"\n", "imports regexp"},
		{Layout, "top level", "scripts/x.sh", "true\n", "scripts lies on the top level"},
		{Layout, "no doc", "nodes/a.go", "package nodes\n", "has no doc.go"},
		{Layout, "short doc", "nodes/doc.go", "// Package nodes is.\npackage nodes\n", "lines of comment"},
		{Layout, "a doc as it should be", "nodes/doc.go", doc("other"), ""},
		{Layout, "name that says nothing", "nodes/util/doc.go", doc("util"), "one noun"},
		{Formatted, "spaces", "nodes/a.go", "package nodes\nvar a  = 1\n", "gofmt -w nodes/a.go"},
		{Formatted, "tidy", "nodes/a.go", "package nodes\n\nvar a = 1\n", ""},
		{Skips, "skip", "nodes/a_test.go", "package nodes\nfunc f(t T) { t.Skip() }\n", "nodes/a_test.go:2"},
		{Skips, "short", "nodes/a_test.go", "package nodes\nvar a = testing.Short()\n", "testing.Short"},
		{Skips, "put off", "deploy/a.yaml", "a: 1 # TO" + "DO: b\n", "deploy/a.yaml:1"},
		{Skips, "a word in a word", "deploy/a.yaml", "mastodon: TO" + "DOS\n", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			found := c.rule(small(t, map[string]string{c.path: c.content}))
			if c.want == "" && len(found) > 0 || c.want != "" && (len(found) != 1 || !strings.Contains(found[0], c.want)) {
				t.Errorf("found %q, want %q", found, c.want)
			}
		})
	}
}

func TestTracesOfAMachine(t *testing.T) {
	tree := small(t, map[string]string{"deploy/a.sh": "true\ncd /here/checkout/bin\n", "go.sum": "mirror.example x\n"})
	found := Traces(tree, []string{"/here/checkout/", "mirror.example"})
	if len(found) != 1 || !strings.HasPrefix(found[0], "deploy/a.sh:2: ") {
		t.Errorf("found %q", found)
	}
}

func TestABrokenFileIsAnError(t *testing.T) {
	root := fstest.MapFS{"nodes/a.go": &fstest.MapFile{Data: []byte("package nodes\nfunc {\n")}}
	if _, err := Read(root); err == nil || !strings.Contains(err.Error(), "nodes/a.go:2") {
		t.Errorf("reading gave %v", err)
	}
}

// What git and builds put there is not looked at; .ci is.
func TestWhatIsRead(t *testing.T) {
	tree := small(t, map[string]string{
		".git/x.go": "not Go", ".cache/y.go": "not Go", "bin/z.go": "not Go", "nodes/shim/bin/z.go": "not Go",
		"nodes/testdata/bad.go": "not Go", ".ci/run": "make test\n", "nodes/blob": "a\x00b",
	})
	var paths []string
	for _, f := range tree.Texts {
		paths = append(paths, f.Path)
	}
	if want := []string{".ci/run", "nodes/testdata/bad.go"}; !slices.Equal(paths, want) || len(tree.Go) != 0 {
		t.Errorf("read %q and %d Go files, want %q", paths, len(tree.Go), want)
	}
}

func TestTheRatchet(t *testing.T) {
	long := "package nodes\n\nfunc f() {\n" + strings.Repeat("\tf()\n", goalFunction) + "}\n"
	files := map[string]string{"nodes/long.go": long}
	for i := range 9 {
		files[fmt.Sprintf("nodes/f%d.go", i)] = "package nodes\n" + strings.Repeat("\n", i)
	}
	sizes, names := Measure(small(t, files))
	want := Sizes{Median: 6, Ninth: goalFunction + 4, Longest: goalFunction + 4, Functions: 1}
	if sizes != want || len(names) != 1 || !strings.Contains(names[0], "nodes/long.go:3: f has 72 lines") {
		t.Fatalf("measured %+v %q, want %+v", sizes, names, want)
	}
	if worse := sizes.Worse(Sizes{}); len(worse) != 1 || !strings.Contains(worse[0], "functions over") {
		t.Errorf("against the goals alone: %q", worse)
	}
	if worse := sizes.Worse(Sizes{Functions: 1}); len(worse) != 0 {
		t.Errorf("against what is tolerated: %q", worse)
	}
	back, err := ParseSizes(sizesHead + sizes.String())
	if err != nil || back != sizes {
		t.Errorf("read back %+v, %v", back, err)
	}
	if _, err := ParseSizes("median many\n"); err == nil {
		t.Error("a number that is none was taken")
	}
}
