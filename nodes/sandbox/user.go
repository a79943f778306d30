package sandbox

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/moby/sys/user"
	"golang.org/x/sys/unix"
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
	u, err := readUser(rootfs, who, group)
	if err != nil {
		return User{}, err
	}
	if nonRoot := first(sc.RunAsNonRoot, psc.RunAsNonRoot); nonRoot != nil && *nonRoot && u.UID == 0 {
		return User{}, fmt.Errorf("container %q has runAsNonRoot and would run as root: set runAsUser", c.Name)
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

// readUser looks a user and (unless empty) a group up, by name or number, in
// the image's files. A number needs no entry there.
func readUser(rootfs, who, group string) (User, error) {
	passwd, err := readBelow(rootfs, "etc/passwd")
	if err != nil {
		return User{}, err
	}
	groups, err := readBelow(rootfs, "etc/group")
	if err != nil {
		return User{}, err
	}
	// Without a group, so that it names the user's memberships too.
	found, err := user.GetExecUser(who, nil, bytes.NewReader(passwd), bytes.NewReader(groups))
	if errors.Is(err, user.ErrNoPasswdEntries) {
		return User{}, fmt.Errorf("the image has no user %q in /etc/passwd: set runAsUser", who)
	}
	if err != nil {
		return User{}, fmt.Errorf("user %q of the image: %w", who, err)
	}
	u := User{UID: uint32(found.Uid), GID: uint32(found.Gid), Home: found.Home}
	for _, g := range found.Sgids {
		u.Groups = append(u.Groups, uint32(g))
	}
	if group == "" {
		return u, nil
	}
	found, err = user.GetExecUser(":"+group, nil, nil, bytes.NewReader(groups))
	if errors.Is(err, user.ErrNoGroupEntries) {
		return User{}, fmt.Errorf("the image has no group %q in /etc/group: set runAsGroup", group)
	}
	if err != nil {
		return User{}, fmt.Errorf("group %q of the image: %w", group, err)
	}
	u.GID = uint32(found.Gid)
	return u, nil
}

// mostBytes is how long an image's /etc/passwd and /etc/group may be.
const mostBytes = 4 << 20

// readBelow reads a file of the image, never leaving its root file system, nor
// waiting for what is no file at all; empty where there is none.
func readBelow(rootfs, file string) ([]byte, error) {
	root, err := os.OpenRoot(rootfs)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	// A named pipe would block its reader until somebody writes.
	f, err := root.OpenFile(file, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the image's /%s: %w", file, err)
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !st.Mode().IsRegular() || st.Size() > mostBytes {
		return nil, fmt.Errorf("the image's /%s is not a file of at most %d bytes", file, mostBytes)
	}
	return io.ReadAll(io.LimitReader(f, mostBytes))
}
