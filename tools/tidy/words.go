package tidy

import (
	"bytes"
	"fmt"
	"go/ast"
	"path"
	"regexp"
	"strings"
)

// left finds work put off. (Written so that this file does not find itself.)
var left = regexp.MustCompile(`\b(TO` + `DO|FIX` + `ME|XX` + `X)\b`)

// Skips finds tests that may not run, and work put off.
func Skips(t *Tree) []string {
	var found []string
	for _, f := range t.Go {
		if !f.Test && !under(f.Dir, "events/ledger/ledgertest") {
			continue
		}
		ast.Inspect(f.AST, func(n ast.Node) bool {
			s, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			x, named := s.X.(*ast.Ident)
			switch name := s.Sel.Name; {
			case named && x.Name == "testing" && name == "Short":
				found = append(found, f.at(n)+": testing.Short: every test runs every time; make it fast instead")
			case named && isTester(x.Name) && (name == "Skip" || name == "Skipf" || name == "SkipNow"):
				found = append(found, f.at(n)+": a skipped test is a test that is not there; make what it needs part of the set-up, and fail without it")
			}
			return true
		})
	}
	for _, f := range t.Texts {
		if path.Base(f.Path) == "LICENSE" || path.Base(f.Path) == "go.sum" {
			continue
		}
		for i, line := range bytes.Split(f.Content, []byte("\n")) {
			if word := left.Find(line); word != nil {
				found = append(found, fmt.Sprintf("%s:%d: %s: do it, or open an issue and say here what is so", f.Path, i+1, word))
			}
		}
	}
	return found
}

func isTester(name string) bool { return name == "t" || name == "b" || name == "f" || name == "tb" }

// Traces finds the words given (hosts and folders of this machine) in any file
// but go.sum.
func Traces(t *Tree, words []string) []string {
	var found []string
	for _, f := range t.Texts {
		if f.Path == "go.sum" {
			continue
		}
		for i, line := range strings.Split(string(f.Content), "\n") {
			for _, w := range words {
				if strings.Contains(line, w) {
					found = append(found, fmt.Sprintf("%s:%d: %q belongs to the machine it was written on: leave it out", f.Path, i+1, w))
				}
			}
		}
	}
	return found
}
