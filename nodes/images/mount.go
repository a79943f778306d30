package images

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// Mount mounts the image as a root file system of its own, writable, and
// returns its path: dir/rootfs over dir/upper. dir must not be on an overlay
// itself. A crash leaves at most a mount that Unmount takes away.
func (s *Store) Mount(img Image, dir string) (string, error) {
	root := filepath.Join(dir, "rootfs")
	upper, work := filepath.Join(dir, "upper"), filepath.Join(dir, "work")
	for _, d := range []string{root, upper, work} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			return "", fmt.Errorf("mount image: %w", err)
		}
	}
	lower := slices.Clone(img.Layers)
	slices.Reverse(lower) // overlay wants the topmost first
	if len(lower) == 0 {
		empty := filepath.Join(dir, "empty")
		if err := os.MkdirAll(empty, 0o755); err != nil {
			return "", err
		}
		lower = []string{empty}
	}
	opts := "lowerdir=" + strings.Join(lower, ":") + ",upperdir=" + upper + ",workdir=" + work
	if len(opts) >= os.Getpagesize() {
		return "", fmt.Errorf("image %s has %d layers, more than one mount call takes: squash it", img.ID, len(img.Layers))
	}
	if err := mountFrom(filepath.Join(s.dir, "layers"), root, opts); err != nil {
		return "", fmt.Errorf("mount image %s on %s: %w", img.ID, root, err)
	}
	return root, nil
}

// mountFrom mounts with paths relative to base, so that many layers fit in the
// one page that the kernel takes. The working directory belongs to a thread of
// its own, which ends with the goroutine because it stays locked.
func mountFrom(base, root, opts string) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		err := unix.Unshare(unix.CLONE_FS)
		if err == nil {
			err = unix.Chdir(base)
		}
		if err == nil {
			err = unix.Mount("overlay", root, "overlay", 0, opts)
		}
		done <- err
	}()
	return <-done
}

// Unmount takes away what Mount mounted and removes dir with all that the
// container wrote. It may be called again.
func Unmount(dir string) error {
	root := filepath.Join(dir, "rootfs")
	for {
		err := unix.Unmount(root, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW)
		if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOENT) {
			break
		}
		if err != nil {
			return fmt.Errorf("unmount %s: %w", root, err)
		}
	}
	return os.RemoveAll(dir)
}
