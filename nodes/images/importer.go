package images

import (
	"archive/tar"
	"bufio"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"runtime"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// Import adds every image of an archive: `docker save` or an OCI layout in a
// tar, gzipped or not. It returns them in the archive's order.
func (s *Store) Import(ctx context.Context, file string) ([]Image, error) {
	names, err := entries(file)
	if err != nil {
		return nil, fmt.Errorf("import %s: %w", file, err)
	}
	unlock, err := s.lock(false)
	if err != nil {
		return nil, err
	}
	defer unlock()
	var out []Image
	switch {
	case names["manifest.json"]:
		out, err = s.importDocker(ctx, file)
	case names["index.json"]:
		out, err = s.importOCI(ctx, file)
	default:
		err = errors.New("neither manifest.json (docker save) nor index.json (OCI) is in it: not an image archive")
	}
	if err != nil {
		return nil, fmt.Errorf("import %s: %w", file, err)
	}
	return out, nil
}

func (s *Store) importDocker(ctx context.Context, file string) ([]Image, error) {
	opener := func() (io.ReadCloser, error) { return open(file) }
	m, err := tarball.LoadManifest(opener)
	if err != nil {
		return nil, err
	}
	var out []Image
	for _, d := range m {
		var tag *name.Tag
		var refs []string
		for _, t := range d.RepoTags {
			n, err := Normalise(t)
			if err != nil {
				return nil, err
			}
			refs = append(refs, n)
			if tag == nil {
				parsed, err := name.NewTag(t)
				if err != nil {
					return nil, err
				}
				tag = &parsed
			}
		}
		img, err := tarball.Image(opener, tag)
		if err != nil {
			return nil, err
		}
		added, err := s.add(ctx, img, refs)
		if err != nil {
			return nil, err
		}
		out = append(out, added)
	}
	return out, nil
}

func (s *Store) importOCI(ctx context.Context, file string) ([]Image, error) {
	dir, err := os.MkdirTemp(filepath.Join(s.dir, "tmp"), "oci-*")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	if err := extractLayout(file, dir); err != nil {
		return nil, err
	}
	index, err := layout.ImageIndexFromPath(dir)
	if err != nil {
		return nil, err
	}
	return s.addIndex(ctx, index, nil)
}

func (s *Store) addIndex(ctx context.Context, index v1.ImageIndex, inherited []string) ([]Image, error) {
	m, err := index.IndexManifest()
	if err != nil {
		return nil, err
	}
	var out []Image
	for _, d := range m.Manifests {
		refs := inherited
		for _, key := range []string{"io.containerd.image.name", "org.opencontainers.image.ref.name"} {
			if n, err := Normalise(d.Annotations[key]); d.Annotations[key] != "" && err == nil {
				refs = []string{n}
				break
			}
		}
		if p := d.Platform; p != nil && (p.OS != "linux" || p.Architecture != runtime.GOARCH) {
			continue
		}
		if d.MediaType.IsIndex() {
			sub, err := index.ImageIndex(d.Digest)
			if err != nil {
				return nil, err
			}
			more, err := s.addIndex(ctx, sub, refs)
			if err != nil {
				return nil, err
			}
			out = append(out, more...)
			continue
		}
		img, err := index.Image(d.Digest)
		if err != nil {
			return nil, err
		}
		added, err := s.add(ctx, img, refs)
		if err != nil {
			return nil, err
		}
		out = append(out, added)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("the index names no image for linux/%s", runtime.GOARCH)
	}
	return out, nil
}

// layoutFile matches what an OCI layout consists of; nothing else is written.
var layoutFile = regexp.MustCompile(`^(oci-layout|index\.json|blobs/[a-z0-9]+/[a-f0-9]+)$`)

func extractLayout(file, dir string) error {
	return walk(file, func(h *tar.Header, r io.Reader) error {
		p := filepath.ToSlash(filepath.Clean(h.Name))
		if h.Typeflag != tar.TypeReg || !layoutFile.MatchString(p) {
			return nil
		}
		to := filepath.Join(dir, p)
		if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
			return err
		}
		f, err := os.Create(to)
		if err != nil {
			return err
		}
		_, err = io.Copy(f, r)
		return errors.Join(err, f.Close())
	})
}

func entries(file string) (map[string]bool, error) {
	names := map[string]bool{}
	err := walk(file, func(h *tar.Header, _ io.Reader) error {
		names[filepath.Clean(h.Name)] = true
		return nil
	})
	return names, err
}

func walk(file string, visit func(*tar.Header, io.Reader) error) error {
	f, err := open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	t := tar.NewReader(f)
	for n := 0; ; n++ {
		h, err := t.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("not a tar archive, or damaged after %d entries: %w", n, err)
		}
		if err := visit(h, t); err != nil {
			return err
		}
	}
}

// open opens an archive, through gzip where it is gzipped.
func open(file string) (io.ReadCloser, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	b := bufio.NewReader(f)
	if magic, _ := b.Peek(2); len(magic) < 2 || magic[0] != 0x1f || magic[1] != 0x8b {
		return readCloser{b, f}, nil
	}
	z, err := gzip.NewReader(b)
	if err != nil {
		f.Close()
		return nil, err
	}
	return readCloser{z, f}, nil
}

type readCloser struct {
	io.Reader
	io.Closer
}
