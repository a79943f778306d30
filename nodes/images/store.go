package images

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// Store is the images of one machine.
//
// Invariant: what refs.json names exists in images/, and what an image names
// exists in layers/; Open repairs the rest by forgetting it.
type Store struct{ dir string }

// Open opens or makes the store in dir, and forgets what a crash left behind.
func Open(dir string) (*Store, error) {
	if strings.ContainsAny(dir, ":,\\") {
		return nil, fmt.Errorf("image store %q: overlay mounts allow no colon, comma or backslash in the path; choose another data directory", dir)
	}
	s := &Store{dir: dir}
	for _, d := range []string{"layers", "images", "tmp"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o711); err != nil {
			return nil, fmt.Errorf("open image store: %w", err)
		}
	}
	unlock, err := s.lock(true)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return s, nil // someone writes: not the moment to clean up
	}
	if err != nil {
		return nil, err
	}
	defer unlock()
	return s, s.check()
}

// lock takes the writers' lock; with try it fails with EWOULDBLOCK where
// another holds it.
func (s *Store) lock(try bool) (unlock func(), err error) {
	f, err := os.OpenFile(filepath.Join(s.dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock image store: %w", err)
	}
	how := unix.LOCK_EX
	if try {
		how |= unix.LOCK_NB
	}
	for {
		err = unix.Flock(int(f.Fd()), how)
		if err != unix.EINTR {
			break
		}
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return func() { f.Close() }, nil
}

// check empties tmp and forgets images without their layers, and references
// without their image. The lock is held.
func (s *Store) check() error {
	entries, err := os.ReadDir(filepath.Join(s.dir, "tmp"))
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := os.RemoveAll(filepath.Join(s.dir, "tmp", e.Name())); err != nil {
			return fmt.Errorf("clean image store: %w", err)
		}
	}
	files, err := filepath.Glob(filepath.Join(s.dir, "images", "*.json"))
	if err != nil {
		return err
	}
	for _, f := range files {
		img, err := readImage(f)
		if err == nil {
			err = s.hasLayers(img)
		}
		if err != nil {
			slog.Warn("image forgotten: import or pull it again", "file", filepath.Base(f), "err", err)
			if err := os.Remove(f); err != nil {
				return err
			}
		}
	}
	refs, err := s.refs()
	if err != nil {
		return err
	}
	n := len(refs)
	for ref, id := range refs {
		if _, err := os.Stat(s.imageFile(id)); err != nil {
			delete(refs, ref)
		}
	}
	if len(refs) == n {
		return nil
	}
	return s.writeJSON("refs.json", refs)
}

func (s *Store) hasLayers(img Image) error {
	for _, l := range img.Layers {
		if _, err := os.Stat(filepath.Join(s.dir, "layers", l)); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) imageFile(id string) string {
	return filepath.Join(s.dir, "images", strings.TrimPrefix(id, "sha256:")+".json")
}

func readImage(file string) (Image, error) {
	var img Image
	b, err := os.ReadFile(file)
	if err != nil {
		return img, err
	}
	return img, json.Unmarshal(b, &img)
}

func (s *Store) refs() (map[string]string, error) {
	refs := map[string]string{}
	b, err := os.ReadFile(filepath.Join(s.dir, "refs.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return refs, nil
	}
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(b, &refs); err != nil {
		return nil, fmt.Errorf("image store's refs.json is damaged: remove it and import the images again: %w", err)
	}
	return refs, nil
}

// Get finds an image by reference or ID; false where the store has none.
func (s *Store) Get(ref string) (Image, bool, error) {
	refs, err := s.refs()
	if err != nil {
		return Image{}, false, err
	}
	id := ref
	if !strings.HasPrefix(ref, "sha256:") {
		n, err := Normalise(ref)
		if err != nil {
			return Image{}, false, err
		}
		id = refs[n]
	}
	if id == "" || strings.ContainsRune(id, '/') {
		return Image{}, false, nil
	}
	img, err := readImage(s.imageFile(id))
	if errors.Is(err, fs.ErrNotExist) {
		return Image{}, false, nil
	}
	img.Refs = named(refs, id)
	return img, err == nil, err
}

// List lists all images, by their first reference, then by ID.
func (s *Store) List() ([]Image, error) {
	refs, err := s.refs()
	if err != nil {
		return nil, err
	}
	files, err := filepath.Glob(filepath.Join(s.dir, "images", "*.json"))
	if err != nil {
		return nil, err
	}
	var out []Image
	for _, f := range files {
		img, err := readImage(f)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("image record %s is damaged: remove it and import the image again: %w", f, err)
		}
		img.Refs = named(refs, img.ID)
		out = append(out, img)
	}
	slices.SortFunc(out, func(a, b Image) int {
		return strings.Compare(strings.Join(a.Refs, " ")+a.ID, strings.Join(b.Refs, " ")+b.ID)
	})
	return out, nil
}

func named(refs map[string]string, id string) []string {
	var out []string
	for ref, i := range refs {
		if i == id {
			out = append(out, ref)
		}
	}
	slices.Sort(out)
	return out
}

// writeJSON puts a file in place durably: temporary, synced, renamed.
func (s *Store) writeJSON(rel string, v any) error {
	b, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Join(s.dir, "tmp"), "json-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(b)
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(f.Name(), filepath.Join(s.dir, rel))
	}
	if err != nil {
		return fmt.Errorf("write %s of image store: %w", rel, err)
	}
	return syncDir(filepath.Dir(filepath.Join(s.dir, rel)))
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
