package main

import (
	"bytes"
	"debug/elf"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// addProgram adds the executable at name (absolute, inside root) with the
// loader and every shared library it needs, directly or not, found in root the
// way the loader would: its default directories, no RPATH (Debian forbids
// them).
func (t tree) addProgram(root, name string) error {
	dirs, err := libraryDirs(root)
	if err != nil {
		return err
	}
	todo := []string{name}
	done := map[string]bool{}
	for len(todo) > 0 {
		next := todo[0]
		todo = todo[1:]
		if done[next] {
			continue
		}
		done[next] = true
		file, err := t.addLinked(root, next)
		if err != nil {
			return err
		}
		needs, err := needed(file)
		if err != nil {
			return fmt.Errorf("%s of %s: %w", next, root, err)
		}
		for _, n := range needs {
			where, err := find(root, dirs, n)
			if err != nil {
				return fmt.Errorf("%s needs %s: %w", next, n, err)
			}
			todo = append(todo, where)
		}
	}
	return nil
}

// libraryDirs returns the loader's default directories that root has, in its
// order: the architecture's own first, /lib before /usr/lib.
func libraryDirs(root string) ([]string, error) {
	var dirs []string
	for _, pattern := range []string{"lib/*-linux-gnu*", "usr/lib/*-linux-gnu*", "lib", "usr/lib", "lib64"} {
		found, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			return nil, err
		}
		for _, f := range found {
			rel, err := filepath.Rel(root, f)
			if err != nil {
				return nil, err
			}
			dirs = append(dirs, "/"+rel)
		}
	}
	return dirs, nil
}

func find(root string, dirs []string, name string) (string, error) {
	if strings.HasPrefix(name, "/") {
		return name, nil
	}
	for _, d := range dirs {
		if _, err := os.Lstat(filepath.Join(root, d, name)); err == nil {
			return path.Join(d, name), nil
		}
	}
	return "", fmt.Errorf("not in %s: unpack the Debian package that has it there too", root)
}

// needed lists the loader and the direct libraries of an ELF file; a script or
// a static program needs none.
func needed(file string) ([]string, error) {
	f, err := elf.Open(file)
	var format *elf.FormatError
	if errors.As(err, &format) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	names, err := f.ImportedLibraries()
	if err != nil {
		return nil, err
	}
	for _, p := range f.Progs {
		if p.Type != elf.PT_INTERP {
			continue
		}
		loader := make([]byte, p.Filesz)
		if _, err := p.ReadAt(loader, 0); err != nil {
			return nil, err
		}
		names = append(names, string(bytes.TrimRight(loader, "\x00")))
	}
	return names, nil
}

// addLinked adds name and, if it is a symbolic link, what it points at, each
// under its own path; it returns the machine's path of the file at the end.
func (t tree) addLinked(root, name string) (string, error) {
	for range 10 {
		at := filepath.Join(root, filepath.Clean("/"+name))
		info, err := os.Lstat(at)
		if err != nil {
			return "", fmt.Errorf("%s is not in %s: unpack the Debian package that has it there too", name, root)
		}
		if info.Mode()&fs.ModeSymlink == 0 {
			t.add(name, node{from: at, mode: int64(info.Mode().Perm())})
			return at, nil
		}
		target, err := os.Readlink(at)
		if err != nil {
			return "", err
		}
		t.add(name, node{link: target})
		if !path.IsAbs(target) {
			target = path.Join(path.Dir(name), target)
		}
		name = path.Clean("/" + target)
	}
	return "", fmt.Errorf("%s: more than 10 links in a row", name)
}
