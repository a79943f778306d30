package sweep

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"strings"

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
	f, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	octal := strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`)
	var out []string
	for s := bufio.NewScanner(f); s.Scan(); {
		fields := strings.Fields(s.Text())
		if len(fields) < 5 {
			continue
		}
		point := octal.Replace(fields[4])
		for _, dir := range dirs {
			if strings.HasPrefix(point, dir+"/") {
				out = append(out, point)
				break
			}
		}
	}
	return out, nil
}
