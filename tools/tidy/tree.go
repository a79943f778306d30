package tidy

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

// module is the module's path: what imports of our own packages begin with.
const module = "cairn"

// Tree is a checkout as the rules see it: slash-separated paths from its root.
type Tree struct {
	Go    []*GoFile
	Texts []TextFile // every text file, Go among them
	Top   []string   // names of the top level, dotfiles left out
}

// GoFile is one parsed Go file.
type GoFile struct {
	Path    string
	Dir     string // the package's folder
	Test    bool   // _test.go
	Imports []string
	Source  []byte
	AST     *ast.File
	Set     *token.FileSet
}

// TextFile is one file that holds text.
type TextFile struct {
	Path    string
	Content []byte
}

// at returns FILE:LINE of a node, for a finding.
func (f *GoFile) at(n ast.Node) string {
	return fmt.Sprintf("%s:%d", f.Path, f.Set.Position(n.Pos()).Line)
}

// Lines counts the file's lines.
func (f *GoFile) Lines() int { return bytes.Count(f.Source, []byte("\n")) }

// Read reads a checkout. Folders that begin with a dot, what was built (bin,
// nodes/shim/bin) and what is no text are left out; testdata is read as text
// only. A Go file that does not parse is an error.
func Read(root fs.FS) (*Tree, error) {
	t := &Tree{}
	top, err := fs.ReadDir(root, ".")
	if err != nil {
		return nil, err
	}
	for _, e := range top {
		if !strings.HasPrefix(e.Name(), ".") && e.Name() != "bin" {
			t.Top = append(t.Top, e.Name())
		}
	}
	return t, fs.WalkDir(root, ".", func(at string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if e.IsDir() {
			// .ci is source; other dotted folders are git's and caches.
			if at != "." && at != ".ci" && (strings.HasPrefix(e.Name(), ".") || e.Name() == "bin") {
				return fs.SkipDir
			}
			return nil
		}
		if !e.Type().IsRegular() {
			return nil
		}
		return t.readFile(root, at)
	})
}

func (t *Tree) readFile(root fs.FS, at string) error {
	content, err := fs.ReadFile(root, at)
	if err != nil {
		return err
	}
	if bytes.IndexByte(content[:min(len(content), 8000)], 0) >= 0 {
		return nil
	}
	t.Texts = append(t.Texts, TextFile{Path: at, Content: content})
	if path.Ext(at) != ".go" || slices.Contains(strings.Split(at, "/"), "testdata") {
		return nil
	}
	f, err := parse(at, content)
	if err != nil {
		return fmt.Errorf("mend the syntax first: %w", err)
	}
	t.Go = append(t.Go, f)
	return nil
}

func parse(at string, content []byte) (*GoFile, error) {
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, at, content, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	f := &GoFile{Path: at, Dir: path.Dir(at), Test: strings.HasSuffix(at, "_test.go"), Source: content, AST: file, Set: set}
	for _, spec := range file.Imports {
		name, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return nil, err
		}
		f.Imports = append(f.Imports, name)
	}
	return f, nil
}

// Packages returns the folders that hold Go files, sorted.
func (t *Tree) Packages() []string {
	var dirs []string
	for _, f := range t.Go {
		dirs = append(dirs, f.Dir)
	}
	slices.Sort(dirs)
	return slices.Compact(dirs)
}

// under reports whether dir is folder or lies below it.
func under(dir, folder string) bool {
	return dir == folder || strings.HasPrefix(dir, folder+"/")
}

func underAny(dir string, folders []string) bool {
	return slices.ContainsFunc(folders, func(f string) bool { return under(dir, f) })
}
