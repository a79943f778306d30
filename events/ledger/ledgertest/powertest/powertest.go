package powertest

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Disk is a mounted file system of the test's own.
type Disk struct {
	Dir   string
	image string
}

// The ioctl of ext4, XFS and F2FS that ends a file system at once:
// _IOR('X', 125, u32); flag 2 leaves the journal as it is.
const (
	shutdown   = 0x8004587d
	noLogFlush = 2
)

// New makes a disk of so many bytes, at least 16 MiB; it goes with the test.
func New(t testing.TB, bytes int64) *Disk {
	t.Helper()
	dir := t.TempDir()
	d := &Disk{Dir: filepath.Join(dir, "disk"), image: filepath.Join(dir, "image")}
	f, err := os.Create(d.image)
	if err == nil {
		err = f.Truncate(bytes)
	}
	if err == nil {
		err = f.Close()
	}
	if err == nil {
		err = os.Mkdir(d.Dir, 0o700)
	}
	if err != nil {
		t.Fatal(err)
	}
	run(t, "mkfs.ext4", "-q", "-F", d.image)
	d.mount(t)
	t.Cleanup(func() {
		if err := unix.Unmount(d.Dir, unix.MNT_DETACH); err != nil {
			t.Errorf("unmount %s: %v", d.Dir, err)
		}
	})
	return d
}

func (d *Disk) mount(t testing.TB) {
	t.Helper()
	run(t, "mount", "-o", "loop", d.image, d.Dir)
}

// Cut ends the file system at once: nothing that was not synced gets to the
// disk any more, and every later operation on it fails.
func (d *Disk) Cut(t testing.TB) {
	t.Helper()
	f, err := os.Open(d.Dir)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := unix.IoctlSetPointerInt(int(f.Fd()), shutdown, noLogFlush); err != nil {
		t.Fatalf("cut the power of %s: %v", d.Dir, err)
	}
}

// Restore gives the power back: the file system is mounted as the cut left it.
// It waits for whoever still has a file open there, as a process does that is
// being killed.
func (d *Disk) Restore(t testing.TB) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	err := unix.Unmount(d.Dir, 0)
	for ; err != nil && time.Now().Before(deadline); err = unix.Unmount(d.Dir, 0) {
		time.Sleep(10 * time.Millisecond)
	}
	if err != nil {
		t.Fatalf("unmount %s (who has a file open there?): %v", d.Dir, err)
	}
	d.mount(t)
}

func run(t testing.TB, name string, args ...string) {
	t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s (the test needs root, e2fsprogs and loop devices): %v: %s", name, err, out)
	}
}
