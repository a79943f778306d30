package volumes

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
	corev1 "k8s.io/api/core/v1"
)

// Mounts gives what a container mounts of its pod's volumes. expand replaces
// $(VAR) in a subPathExpr. Each start of a container calls it anew.
func Mounts(d Dirs, paths Paths, c *corev1.Container, expand func(string) (string, error)) ([]specs.Mount, error) {
	var out []specs.Mount
	for i, m := range c.VolumeMounts {
		src, ok := paths[m.Name]
		if !ok {
			return nil, fmt.Errorf("container %q mounts volume %q, which the pod does not have", c.Name, m.Name)
		}
		sub := m.SubPath
		if m.SubPathExpr != "" {
			var err error
			if sub, err = expand(m.SubPathExpr); err != nil {
				return nil, fmt.Errorf("subPathExpr of volume %q: %w", m.Name, err)
			}
		}
		if sub != "" {
			stage := filepath.Join(d.Disk, "..sub", c.Name, strconv.Itoa(i))
			if err := stageSubPath(src, sub, stage); err != nil {
				return nil, fmt.Errorf("subPath %q of volume %q: %w", sub, m.Name, err)
			}
			src = stage
		}
		opts := []string{"rbind", propagation(m.MountPropagation), "rw"}
		if m.ReadOnly {
			opts[2] = "ro"
		}
		out = append(out, specs.Mount{Destination: m.MountPath, Type: "bind", Source: src, Options: opts})
	}
	return out, nil
}

func propagation(p *corev1.MountPropagationMode) string {
	if p != nil {
		switch *p {
		case corev1.MountPropagationHostToContainer:
			return "rslave"
		case corev1.MountPropagationBidirectional:
			return "rshared"
		}
	}
	return "rprivate"
}

// stageSubPath binds what sub names inside the volume to stage. The kernel
// resolves sub and never leaves the volume; the bind is of the file that was
// found, so a link changed afterwards changes nothing.
func stageSubPath(volume, sub, stage string) error {
	if filepath.IsAbs(sub) || strings.Contains("/"+filepath.ToSlash(sub)+"/", "/../") {
		return fmt.Errorf("leads out of the volume: refused")
	}
	fd, err := openBeneath(volume, sub)
	if errors.Is(err, unix.ENOENT) {
		if err := makeBeneath(volume, sub); err != nil {
			return err
		}
		fd, err = openBeneath(volume, sub)
	}
	if errors.Is(err, unix.EXDEV) {
		return fmt.Errorf("a symbolic link leads out of the volume: refused")
	}
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return err
	}
	_ = unix.Unmount(stage, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW)
	if err := os.MkdirAll(filepath.Dir(stage), 0o755); err != nil {
		return err
	}
	if err := os.RemoveAll(stage); err != nil {
		return err
	}
	if st.Mode&unix.S_IFMT == unix.S_IFDIR {
		err = os.Mkdir(stage, 0o755)
	} else {
		err = os.WriteFile(stage, nil, 0o644)
	}
	if err != nil {
		return err
	}
	return unix.Mount(fmt.Sprintf("/proc/self/fd/%d", fd), stage, "", unix.MS_BIND|unix.MS_REC, "")
}

func openBeneath(dir, sub string) (int, error) {
	root, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	defer unix.Close(root)
	return unix.Openat2(root, sub, &unix.OpenHow{
		Flags: unix.O_PATH | unix.O_CLOEXEC, Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_MAGICLINKS,
	})
}

// makeBeneath makes the directories of a subPath that is not there yet.
func makeBeneath(dir, sub string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	return root.MkdirAll(sub, 0o755)
}
