package main

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
)

// node is one entry of the image's only layer: a file (from), a symbolic link
// or a directory.
type node struct {
	from string // path on this machine
	link string // a symbolic link's target, as written
	dir  bool
	mode int64
	uid  int // and gid
}

// tree is the layer by path: no leading slash, as tar wants it.
type tree map[string]node

// add puts the node at an absolute path, with the directories above it.
// What was added later replaces what was there.
func (t tree) add(at string, n node) {
	at = strings.TrimPrefix(path.Clean("/"+at), "/")
	for up := path.Dir(at); up != "."; up = path.Dir(up) {
		if _, ok := t[up]; !ok {
			t[up] = node{dir: true, mode: 0o755}
		}
	}
	t[at] = n
}

// layer returns the tree as an uncompressed tar: sorted, time zero, numeric
// owners only, so that the same files make the same bytes anywhere.
func (t tree) layer() ([]byte, error) {
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, name := range slices.Sorted(maps.Keys(t)) {
		if err := t[name].write(w, name); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

func (n node) write(w *tar.Writer, name string) error {
	h := &tar.Header{Name: name, Mode: n.mode, Uid: n.uid, Gid: n.uid, Format: tar.FormatPAX}
	switch {
	case n.dir:
		h.Typeflag, h.Name = tar.TypeDir, name+"/"
		return w.WriteHeader(h)
	case n.link != "":
		h.Typeflag, h.Linkname, h.Mode = tar.TypeSymlink, n.link, 0o777
		return w.WriteHeader(h)
	}
	f, err := os.Open(n.from)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is not a regular file: name a file", n.from)
	}
	h.Typeflag, h.Size = tar.TypeReg, info.Size()
	if err := w.WriteHeader(h); err != nil {
		return err
	}
	_, err = io.Copy(w, f)
	return err
}
