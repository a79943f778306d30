package sweep

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"
)

// mounts unmounts everything below the folders, what was mounted last first.
func mounts(dirs ...string) error {
	for range 3 { // one mount may hide another's place
		points, err := below(dirs)
		if err != nil {
			return err
		}
		if len(points) == 0 {
			return nil
		}
		for i := len(points) - 1; i >= 0; i-- {
			err := unix.Unmount(points[i], unix.UMOUNT_NOFOLLOW)
			if errors.Is(err, unix.EBUSY) {
				err = unix.Unmount(points[i], unix.UMOUNT_NOFOLLOW|unix.MNT_DETACH)
			}
			if err != nil && !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOENT) {
				return fmt.Errorf("unmount %s: %w", points[i], err)
			}
		}
	}
	points, err := below(dirs)
	if err == nil && len(points) > 0 {
		err = fmt.Errorf("%s stays mounted: unmount it (`fuser -vm` names who uses it), and run `cairn down` again", points[0])
	}
	return err
}

// below lists mount points below the folders, in the order they were mounted.
func below(dirs []string) ([]string, error) {
	var out []string
	_, err := mountinfo.GetMounts(func(m *mountinfo.Info) (skip, stop bool) {
		if slices.ContainsFunc(dirs, func(dir string) bool { return strings.HasPrefix(m.Mountpoint, dir+"/") }) {
			out = append(out, m.Mountpoint)
		}
		return true, false
	})
	return out, err
}
