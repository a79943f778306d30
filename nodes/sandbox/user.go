package sandbox

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// User is who a container's process is.
type User struct {
	UID, GID uint32
	Groups   []uint32
	Home     string // of that user in the image; may be empty
}

// ResolveUser finds out who the process is to be: the container's
// securityContext, the pod's, or the image's USER (name, number, either with
// :group), read against the image's own /etc/passwd and /etc/group.
func ResolveUser(rootfs string, pod *corev1.Pod, c *corev1.Container, image string) (User, error) {
	psc, sc := pod.Spec.SecurityContext, c.SecurityContext
	if psc == nil {
		psc = &corev1.PodSecurityContext{}
	}
	if sc == nil {
		sc = &corev1.SecurityContext{}
	}
	who, group, _ := strings.Cut(image, ":")
	if id := first(sc.RunAsUser, psc.RunAsUser); id != nil {
		who, group = strconv.FormatInt(*id, 10), ""
	}
	if id := first(sc.RunAsGroup, psc.RunAsGroup); id != nil {
		group = strconv.FormatInt(*id, 10)
	}
	u, name, err := lookupUser(rootfs, who)
	if err != nil {
		return User{}, err
	}
	if group != "" {
		if u.GID, err = lookupGroup(rootfs, group); err != nil {
			return User{}, err
		}
	}
	if nonRoot := first(sc.RunAsNonRoot, psc.RunAsNonRoot); nonRoot != nil && *nonRoot && u.UID == 0 {
		return User{}, fmt.Errorf("container %q has runAsNonRoot and would run as root: set runAsUser", c.Name)
	}
	if u.Groups, err = memberOf(rootfs, name); err != nil {
		return User{}, err
	}
	for _, g := range psc.SupplementalGroups {
		u.Groups = append(u.Groups, uint32(g))
	}
	if psc.FSGroup != nil {
		u.Groups = append(u.Groups, uint32(*psc.FSGroup))
	}
	slices.Sort(u.Groups)
	u.Groups = slices.Compact(u.Groups)
	return u, nil
}

func first[T any](ps ...*T) *T {
	for _, p := range ps {
		if p != nil {
			return p
		}
	}
	return nil
}

// lookupUser reads /etc/passwd of the image. A number needs no entry there.
func lookupUser(rootfs, who string) (User, string, error) {
	if who == "" {
		who = "0"
	}
	var u User
	id, err := strconv.ParseUint(who, 10, 32)
	numeric := err == nil
	u.UID = uint32(id)
	found := ""
	err = eachLine(rootfs, "etc/passwd", 7, func(f []string) bool {
		if f[0] != who && !(numeric && f[2] == who) {
			return true
		}
		uid, err1 := strconv.ParseUint(f[2], 10, 32)
		gid, err2 := strconv.ParseUint(f[3], 10, 32)
		if err1 != nil || err2 != nil {
			return true
		}
		u = User{UID: uint32(uid), GID: uint32(gid), Home: f[5]}
		found = f[0]
		return false
	})
	if err == nil && found == "" && !numeric {
		err = fmt.Errorf("the image has no user %q in /etc/passwd: set runAsUser", who)
	}
	return u, found, err
}

func lookupGroup(rootfs, group string) (uint32, error) {
	if id, err := strconv.ParseUint(group, 10, 32); err == nil {
		return uint32(id), nil
	}
	var gid uint64
	found := false
	err := eachLine(rootfs, "etc/group", 3, func(f []string) bool {
		var err error
		if f[0] == group {
			gid, err = strconv.ParseUint(f[2], 10, 32)
			found = err == nil
		}
		return !found
	})
	if err == nil && !found {
		err = fmt.Errorf("the image has no group %q in /etc/group: set runAsGroup", group)
	}
	return uint32(gid), err
}

func memberOf(rootfs, user string) ([]uint32, error) {
	var out []uint32
	if user == "" {
		return nil, nil
	}
	err := eachLine(rootfs, "etc/group", 4, func(f []string) bool {
		if slices.Contains(strings.Split(f[3], ","), user) {
			if gid, err := strconv.ParseUint(f[2], 10, 32); err == nil {
				out = append(out, uint32(gid))
			}
		}
		return true
	})
	return out, err
}

// eachLine reads a colon-separated file below rootfs, never leaving it. A file
// that is not there has no lines.
func eachLine(rootfs, file string, fields int, visit func([]string) bool) error {
	root, err := os.OpenRoot(rootfs)
	if err != nil {
		return err
	}
	defer root.Close()
	f, err := root.Open(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the image's /%s: %w", file, err)
	}
	defer f.Close()
	s := bufio.NewScanner(f)
	for s.Scan() {
		if cols := strings.Split(s.Text(), ":"); len(cols) >= fields && !visit(cols) {
			return nil
		}
	}
	return s.Err()
}
