package images

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/containerd/containerd/v2/pkg/archive"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sys/unix"
)

// add unpacks what the store lacks of an image and records it under refs
// (normalised). The lock is held.
func (s *Store) add(ctx context.Context, img v1.Image, refs []string) (Image, error) {
	id, err := img.ConfigName()
	if err != nil {
		return Image{}, fmt.Errorf("read image config: %w", err)
	}
	cfg, err := img.ConfigFile()
	if err != nil {
		return Image{}, fmt.Errorf("read image config: %w", err)
	}
	if cfg.OS != "" && cfg.OS != "linux" {
		return Image{}, fmt.Errorf("image is for %s, this node runs linux", cfg.OS)
	}
	layers, err := img.Layers()
	if err != nil {
		return Image{}, fmt.Errorf("read image layers: %w", err)
	}
	out := Image{ID: id.String(), Created: cfg.Created.Time, Config: cfg.Config}
	if d, err := img.Digest(); err == nil {
		out.Digest = d.String()
	}
	for i, l := range layers {
		diff, err := l.DiffID()
		if err != nil {
			return Image{}, fmt.Errorf("layer %d: %w", i+1, err)
		}
		name := diff.Hex[:24]
		size, err := s.addLayer(ctx, l, diff, name)
		if err != nil {
			return Image{}, fmt.Errorf("layer %d (%s): %w", i+1, diff, err)
		}
		out.Size += size
		out.Layers = append(out.Layers, name)
	}
	if err := s.writeJSON(filepath.Join("images", id.Hex+".json"), out); err != nil {
		return Image{}, err
	}
	all, err := s.refs()
	if err != nil {
		return Image{}, err
	}
	for _, r := range refs {
		all[r] = out.ID
	}
	if err := s.writeJSON("refs.json", all); err != nil {
		return Image{}, err
	}
	out.Refs = named(all, out.ID)
	return out, nil
}

// addLayer unpacks a layer aside, verifies it and renames it into place.
func (s *Store) addLayer(ctx context.Context, l v1.Layer, diff v1.Hash, name string) (int64, error) {
	final := filepath.Join(s.dir, "layers", name)
	if _, err := os.Stat(final); err == nil {
		return treeSize(final), nil
	}
	tmp, err := os.MkdirTemp(filepath.Join(s.dir, "tmp"), "layer-*")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(tmp)
	if err := os.Chmod(tmp, 0o755); err != nil {
		return 0, err
	}
	r, err := l.Uncompressed()
	if err != nil {
		return 0, fmt.Errorf("open: %w", err)
	}
	defer r.Close()
	sum := sha256.New()
	in := io.TeeReader(r, sum)
	size, err := archive.Apply(ctx, tmp, in, archive.WithConvertWhiteout(archive.OverlayConvertWhiteout), archive.WithFilter(refuseEscapes))
	if err != nil {
		return 0, fmt.Errorf("unpack: %w", err)
	}
	if _, err := io.Copy(io.Discard, in); err != nil {
		return 0, fmt.Errorf("unpack: %w", err)
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != diff.Hex {
		return 0, fmt.Errorf("content has SHA-256 %s: the image is damaged, fetch it again", got)
	}
	if err := syncTree(tmp); err != nil {
		return 0, err
	}
	if err := os.Rename(tmp, final); err != nil {
		return 0, err
	}
	return size, syncDir(filepath.Dir(final))
}

// refuseEscapes refuses what would lie outside the root. Symbolic links may
// point anywhere: they are followed inside the container only.
func refuseEscapes(h *tar.Header) (bool, error) {
	if escapes(h.Name) {
		return false, fmt.Errorf("path %q leads out of the image: refused", h.Name)
	}
	if h.Typeflag == tar.TypeLink && escapes(h.Linkname) {
		return false, fmt.Errorf("hard link %q to %q leads out of the image: refused", h.Name, h.Linkname)
	}
	return true, nil
}

func escapes(p string) bool {
	p = path.Clean(strings.TrimLeft(p, "/"))
	return p == ".." || strings.HasPrefix(p, "../")
}

// syncTree makes all files below dir durable with one call.
func syncTree(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return unix.Syncfs(int(d.Fd()))
}

func treeSize(dir string) int64 {
	var n int64
	_ = filepath.WalkDir(dir, func(_ string, d os.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			if fi, err := d.Info(); err == nil {
				n += fi.Size()
			}
		}
		return nil
	})
	return n
}
