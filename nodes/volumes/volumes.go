package volumes

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"
	corev1 "k8s.io/api/core/v1"
)

// Dirs are a pod's own directories for volumes.
//
// Invariant: Memory is on a tmpfs.
type Dirs struct{ Disk, Memory string }

// Paths says where each volume of a pod lies on the host, by its name.
type Paths map[string]string

// Setup prepares every volume of the pod, or brings those made of objects up
// to date; it may be called again at any time.
func Setup(d Dirs, src Source) (Paths, error) {
	out := Paths{}
	gid := int64(-1)
	if sc := src.Pod.Spec.SecurityContext; sc != nil && sc.FSGroup != nil {
		gid = *sc.FSGroup
	}
	for _, v := range src.Pod.Spec.Volumes {
		p, err := setup(d, v, src, gid)
		if err != nil {
			return nil, err
		}
		out[v.Name] = p
	}
	return out, nil
}

func setup(d Dirs, v corev1.Volume, src Source, gid int64) (string, error) {
	files, ok, err := Payload(v, src)
	if err != nil {
		return "", err
	}
	if ok {
		dir := filepath.Join(d.Memory, v.Name)
		if err := publish(dir, files, gid); err != nil {
			return "", fmt.Errorf("volume %q: %w", v.Name, err)
		}
		return dir, nil
	}
	switch {
	case v.EmptyDir != nil:
		dir, err := emptyDir(d, v, gid)
		if err != nil {
			return "", fmt.Errorf("volume %q: %w", v.Name, err)
		}
		return dir, nil
	case v.HostPath != nil:
		if err := hostPath(v.HostPath); err != nil {
			return "", fmt.Errorf("volume %q: %w", v.Name, err)
		}
		return v.HostPath.Path, nil
	}
	return "", fmt.Errorf("volume %q: %s is not done by this node (emptyDir, configMap, secret, projected, downwardAPI and hostPath are)", v.Name, kind(v))
}

// kind names the field that is set in a volume.
func kind(v corev1.Volume) string {
	switch {
	case v.PersistentVolumeClaim != nil:
		return "persistentVolumeClaim"
	case v.NFS != nil:
		return "nfs"
	case v.CSI != nil:
		return "csi"
	case v.Ephemeral != nil:
		return "ephemeral"
	case v.ISCSI != nil:
		return "iscsi"
	case v.Image != nil:
		return "image"
	}
	return "this kind of volume"
}

func emptyDir(d Dirs, v corev1.Volume, gid int64) (string, error) {
	base := d.Disk
	inMemory := v.EmptyDir.Medium == corev1.StorageMediumMemory
	switch v.EmptyDir.Medium {
	case corev1.StorageMediumDefault:
	case corev1.StorageMediumMemory:
		base = d.Memory
	default:
		return "", fmt.Errorf("emptyDir medium %q is not done by this node (Memory is)", v.EmptyDir.Medium)
	}
	dir := filepath.Join(base, v.Name)
	if _, err := os.Stat(dir); err == nil && (!inMemory || mounted(dir)) {
		return dir, nil
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return "", err
	}
	if inMemory {
		opts := "mode=0777"
		if q := v.EmptyDir.SizeLimit; q != nil && !q.IsZero() {
			opts += fmt.Sprintf(",size=%d", q.Value())
		}
		if err := unix.Mount("tmpfs", dir, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, opts); err != nil {
			return "", fmt.Errorf("mount tmpfs: %w", err)
		}
	}
	mode := os.FileMode(0o777)
	if gid >= 0 {
		mode |= os.ModeSetgid
		if err := os.Chown(dir, -1, int(gid)); err != nil {
			return "", err
		}
	}
	return dir, os.Chmod(dir, mode)
}

func hostPath(h *corev1.HostPathVolumeSource) error {
	want := corev1.HostPathUnset
	if h.Type != nil {
		want = *h.Type
	}
	fi, err := os.Stat(h.Path)
	missing := errors.Is(err, os.ErrNotExist)
	if err != nil && !missing {
		return err
	}
	ok := false
	switch want {
	case corev1.HostPathUnset:
		if missing {
			return os.MkdirAll(h.Path, 0o755)
		}
		ok = true
	case corev1.HostPathDirectoryOrCreate:
		if missing {
			return os.MkdirAll(h.Path, 0o755)
		}
		ok = fi.IsDir()
	case corev1.HostPathFileOrCreate:
		if missing {
			f, err := os.OpenFile(h.Path, os.O_CREATE|os.O_WRONLY, 0o644)
			if err != nil {
				return err
			}
			return f.Close()
		}
		ok = fi.Mode().IsRegular()
	case corev1.HostPathDirectory:
		ok = !missing && fi.IsDir()
	case corev1.HostPathFile:
		ok = !missing && fi.Mode().IsRegular()
	case corev1.HostPathSocket:
		ok = !missing && fi.Mode()&os.ModeSocket != 0
	case corev1.HostPathCharDev:
		ok = !missing && fi.Mode()&os.ModeCharDevice != 0
	case corev1.HostPathBlockDev:
		ok = !missing && fi.Mode()&os.ModeDevice != 0 && fi.Mode()&os.ModeCharDevice == 0
	}
	if !ok {
		return fmt.Errorf("hostPath %s is not a %s on this node", h.Path, want)
	}
	return nil
}

// Teardown unmounts all below the pod's directories and removes them.
func Teardown(d Dirs) error {
	for _, dir := range []string{d.Disk, d.Memory} {
		if err := UnmountBelow(dir); err != nil {
			return err
		}
		if err := os.RemoveAll(dir); err != nil {
			return err
		}
	}
	return nil
}

// UnmountBelow unmounts every mount at dir or below it, the deepest first.
func UnmountBelow(dir string) error {
	points, err := mountsBelow(dir)
	if err != nil {
		return err
	}
	for _, p := range slices.Backward(points) {
		if err := unix.Unmount(p, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW); err != nil && err != unix.EINVAL {
			return fmt.Errorf("unmount %s: %w", p, err)
		}
	}
	return nil
}

func mounted(dir string) bool {
	points, err := mountsBelow(dir)
	return err == nil && slices.Contains(points, dir)
}

// mountsBelow lists mount points in the order in which they were mounted.
func mountsBelow(dir string) ([]string, error) {
	mounts, err := mountinfo.GetMounts(mountinfo.PrefixFilter(dir))
	if err != nil {
		return nil, err
	}
	var out []string
	for _, m := range mounts {
		out = append(out, m.Mountpoint)
	}
	return out, nil
}
