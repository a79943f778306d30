package tidy

import (
	"bytes"
	"fmt"
	"go/format"
	"path"
	"slices"
	"strings"
)

// topLevel is all that may lie beside the dotfiles.
var topLevel = []string{
	"events", "projections", "reconcilers", "nodes", "dataplane", "tools", "deploy",
	"go.mod", "go.sum", "README.md", "LICENSE", "Makefile",
}

// bannedNames say nothing about what is inside.
var bannedNames = []string{
	"util", "utils", "helper", "helpers", "manager", "managers", "common", "types", "base", "misc", "shared", "lib",
}

const docLeast, docMost = 10, 40

// Layout finds what lies where it should not, packages whose names say nothing,
// and packages without a doc.go of 10 to 40 lines.
func Layout(t *Tree) []string {
	var found []string
	for _, name := range t.Top {
		if !slices.Contains(topLevel, name) {
			found = append(found, name+" lies on the top level: move it under one of the folders there")
		}
	}
	for _, dir := range t.Packages() {
		if slices.Contains(bannedNames, path.Base(dir)) {
			found = append(found, dir+": name the package after what it does, one noun")
		}
		found = append(found, docOf(t, dir)...)
	}
	return found
}

func docOf(t *Tree, dir string) []string {
	i := slices.IndexFunc(t.Go, func(f *GoFile) bool { return f.Path == dir+"/doc.go" })
	if i < 0 {
		return []string{dir + " has no doc.go: say its purpose, what goes in and out, its promises, who owns the goroutines, and the scenario to read first"}
	}
	doc := t.Go[i].AST.Doc
	if doc == nil {
		return []string{dir + "/doc.go has no comment before its package clause: write one"}
	}
	var found []string
	if lines := strings.Count(doc.Text(), "\n"); lines < docLeast || lines > docMost {
		found = append(found, fmt.Sprintf("%s/doc.go has %d lines of comment: make it %d to %d (longer belongs into a DESIGN.md beside the code)", dir, lines, docLeast, docMost))
	}
	name := t.Go[i].AST.Name.Name
	if first := doc.Text(); !strings.HasPrefix(first, "Package "+name+" ") && !(name == "main" && strings.HasPrefix(first, "Command ")) {
		found = append(found, fmt.Sprintf("%s/doc.go: begin with \"Package %s ...\", or \"Command ...\" for a program", dir, name))
	}
	return found
}

// Formatted finds Go files that gofmt would change.
func Formatted(t *Tree) []string {
	var found []string
	for _, f := range t.Go {
		want, err := format.Source(f.Source)
		if err != nil || !bytes.Equal(want, f.Source) {
			found = append(found, fmt.Sprintf("%s is not formatted: gofmt -w %s", f.Path, f.Path))
		}
	}
	return found
}
