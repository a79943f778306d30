package volumes

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// dataLink names the directory that holds the files of now.
const dataLink = "..data"

// publish makes dir show exactly these files, all at once: they are written to
// a new directory, then the link ..data is swapped to it by rename. Readers
// see the old files or the new ones. gid below 0: root's.
func publish(dir string, files map[string]File, gid int64) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if same(dir, files) {
		return nil
	}
	fresh, err := os.MkdirTemp(dir, "..v-")
	if err != nil {
		return err
	}
	if err := fill(fresh, files, gid); err != nil {
		os.RemoveAll(fresh)
		return err
	}
	old, _ := os.Readlink(filepath.Join(dir, dataLink))
	tmp := filepath.Join(dir, "..data_tmp")
	_ = os.Remove(tmp)
	if err := os.Symlink(filepath.Base(fresh), tmp); err != nil {
		return err
	}
	if err := os.Rename(tmp, filepath.Join(dir, dataLink)); err != nil {
		return err
	}
	if err := link(dir, files); err != nil {
		return err
	}
	if old != "" && strings.HasPrefix(old, "..v-") {
		return os.RemoveAll(filepath.Join(dir, old))
	}
	return nil
}

func fill(dir string, files map[string]File, gid int64) error {
	if err := os.Chmod(dir, 0o755); err != nil {
		return err
	}
	for p, f := range files {
		full := filepath.Join(dir, p)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			return err
		}
		m := fs.FileMode(f.Mode) & fs.ModePerm
		if gid >= 0 {
			m |= 0o040
		}
		if err := os.WriteFile(full, f.Data, m); err != nil {
			return err
		}
		if err := os.Chmod(full, m); err != nil { // past the umask
			return err
		}
		if gid >= 0 {
			if err := os.Chown(full, 0, int(gid)); err != nil {
				return err
			}
		}
	}
	return nil
}

// link makes a link for each first path element, and drops those that no file
// of now has.
func link(dir string, files map[string]File) error {
	want := map[string]bool{}
	for p := range files {
		first, _, _ := strings.Cut(filepath.ToSlash(filepath.Clean(p)), "/")
		want[first] = true
	}
	for name := range want {
		err := os.Symlink(filepath.Join(dataLink, name), filepath.Join(dir, name))
		if err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), "..") || want[e.Name()] {
			continue
		}
		if err := os.Remove(filepath.Join(dir, e.Name())); err != nil {
			return fmt.Errorf("drop %s: %w", e.Name(), err)
		}
	}
	return nil
}

// same reports whether dir shows these files already.
func same(dir string, files map[string]File) bool {
	n := 0
	root, err := filepath.EvalSymlinks(filepath.Join(dir, dataLink))
	if err != nil {
		return false
	}
	err = filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		n++
		rel, err := filepath.Rel(root, p)
		if err != nil {
			return err
		}
		f, ok := files[filepath.ToSlash(rel)]
		if !ok {
			return fs.ErrInvalid
		}
		if b, err := os.ReadFile(p); err != nil || !bytes.Equal(b, f.Data) {
			return fs.ErrInvalid
		}
		return nil
	})
	return err == nil && n == len(files)
}
