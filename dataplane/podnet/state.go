package podnet

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// claim is what a cell holds in a network namespace, kept in a file of its
// own so that it can be given back after a crash, too.
//
// Invariant: Original holds the values from before the first cell came; a cell
// that comes later copies them from those that are there.
type claim struct {
	Cell, LinkPrefix       string
	Owner                  string `json:",omitempty"`
	PodRange, ServiceRange netip.Prefix
	NodePorts              Ports
	Original               map[string]string // sysctl -> value
}

// wanted are the sysctls that routing between pods needs. A link sends
// redirects if it or "all" says so; a pod that reaches itself through a service
// must not learn of a shorter way (and the kernel would count the redirects
// against the refusals it may send that pod). Other links keep their own 1.
var wanted = map[string]string{"net/ipv4/ip_forward": "1", "net/ipv4/conf/all/send_redirects": "0"}

// claims is the directory of one network namespace, locked.
type claims struct {
	dir  string
	lock *os.File
}

// openClaims locks the directory of this namespace; Close unlocks it.
func openClaims(stateDir string) (*claims, error) {
	space, err := os.Readlink("/proc/thread-self/ns/net") // net:[4026531840]
	if err != nil {
		return nil, fmt.Errorf("podnet: which network namespace is this: %w", err)
	}
	return lockDir(filepath.Join(stateDir, strings.Trim(strings.TrimPrefix(space, "net:"), "[]")))
}

func lockDir(dir string) (*claims, error) {
	name := filepath.Join(dir, "lock")
	for {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return nil, fmt.Errorf("podnet: make the directory of what must be put back: %w", err)
		}
		lock, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o600)
		if errors.Is(err, fs.ErrNotExist) {
			continue // removed just now
		} else if err != nil {
			return nil, fmt.Errorf("podnet: open the lock: %w", err)
		}
		if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX); err != nil {
			return nil, errors.Join(fmt.Errorf("podnet: lock %s: %w", dir, err), lock.Close())
		}
		// The last cell to leave removes the directory while it holds the lock:
		// a lock on a removed file locks nothing.
		ours, err1 := lock.Stat()
		there, err2 := os.Stat(name)
		if err1 == nil && err2 == nil && os.SameFile(ours, there) {
			return &claims{dir: dir, lock: lock}, nil
		}
		_ = lock.Close() // nothing was written to it
	}
}

// Close unlocks. A directory without a claim goes.
func (s *claims) Close() error {
	var err error
	if left, lerr := filepath.Glob(filepath.Join(s.dir, "*.json")); lerr == nil && len(left) == 0 {
		err = os.RemoveAll(s.dir)
	}
	return errors.Join(err, s.lock.Close())
}

// Held reports whether a cell has a claim in this network namespace, and whose
// it is: what its Config.Owner was.
func Held(stateDir, cell string) (owner string, held bool, err error) {
	s, err := openClaims(stateDir)
	if err != nil {
		return "", false, err
	}
	defer s.Close()
	all, err := s.list()
	if err != nil {
		return "", false, err
	}
	c, held := all[cell]
	return c.Owner, held, nil
}

// ours reports whether a claim on our cell's name is ours, too.
func (c claim) ours(cfg Config) bool {
	return c.Owner == "" || cfg.Owner == "" || c.Owner == cfg.Owner
}

func (s *claims) file(cell string) string { return filepath.Join(s.dir, cell+".json") }

// list reads the claims of all cells that are still there: one whose bridge is
// gone holds nothing any more but its memory of the sysctls.
func (s *claims) list() (map[string]claim, error) {
	files, err := filepath.Glob(filepath.Join(s.dir, "*.json"))
	if err != nil {
		return nil, err
	}
	out := map[string]claim{}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			return nil, fmt.Errorf("podnet: read a cell's claim: %w", err)
		}
		var c claim
		if err := json.Unmarshal(text, &c); err != nil {
			return nil, fmt.Errorf("podnet: %s is damaged (delete it if its cell does not run): %w", f, err)
		}
		out[c.Cell] = c
	}
	return out, nil
}

// rivals refuses a prefix or a range that another cell here holds.
func (s *claims) rivals(c Config) error {
	all, err := s.list()
	if err != nil {
		return err
	}
	for name, other := range all {
		if name == c.Cell && other.ours(c) || !alive(other) {
			continue
		}
		if name == c.Cell {
			return &Collision{What: fmt.Sprintf("the name %q", name), By: "the cell of that name in " + other.Owner, Flag: "--name"}
		}
		if other.LinkPrefix == c.LinkPrefix {
			return &Collision{What: fmt.Sprintf("the link prefix %q", c.LinkPrefix), By: fmt.Sprintf("that of cell %q on this machine", name), Flag: "--name"}
		}
		if err := c.clash(other.PodRange, fmt.Sprintf("the pod range %v of cell %q on this machine", other.PodRange, name)); err != nil {
			return err
		}
		if err := c.clash(other.ServiceRange, fmt.Sprintf("the service range %v of cell %q on this machine", other.ServiceRange, name)); err != nil {
			return err
		}
	}
	return nil
}

// ports refuses node ports that another cell here may give away.
func (s *claims) ports(c Config) error {
	all, err := s.list()
	if err != nil {
		return err
	}
	for name, other := range all {
		if name != c.Cell && alive(other) && other.NodePorts.overlap(c.NodePorts) {
			return &Collision{What: fmt.Sprintf("the node port range %v", c.NodePorts), By: fmt.Sprintf("the node ports %v of cell %q on this machine", other.NodePorts, name), Flag: "--node-ports"}
		}
	}
	return nil
}

// take writes the cell's claim.
func (s *claims) take(c Config) error {
	all, err := s.list()
	if err != nil {
		return err
	}
	mine := claim{Cell: c.Cell, LinkPrefix: c.LinkPrefix, Owner: c.Owner, PodRange: c.PodRange, ServiceRange: c.ServiceRange, NodePorts: c.NodePorts, Original: map[string]string{}}
	for _, other := range all {
		for k, v := range other.Original {
			mine.Original[k] = v
		}
	}
	for k := range wanted {
		if _, known := mine.Original[k]; known {
			continue
		}
		if mine.Original[k], err = sysctl(k); err != nil {
			return err
		}
	}
	text, err := json.MarshalIndent(mine, "", " ")
	if err != nil {
		return err
	}
	temp := s.file(c.Cell) + ".new"
	if err := os.WriteFile(temp, text, 0o600); err != nil {
		return fmt.Errorf("podnet: write the claim: %w", err)
	}
	return os.Rename(temp, s.file(c.Cell))
}

// drop gives the cell's claim back; the last one puts the sysctls back.
func (s *claims) drop(cell string) error {
	all, err := s.list()
	if err != nil {
		return err
	}
	mine, ok := all[cell]
	if !ok {
		return nil
	}
	last := true
	for name, other := range all {
		last = last && (name == cell || !alive(other))
	}
	if last {
		for k, v := range mine.Original {
			if now, err := sysctl(k); err != nil {
				return err
			} else if now == wanted[k] && now != v {
				if err := setSysctl(k, v); err != nil {
					return err
				}
			}
		}
		return os.RemoveAll(s.dir)
	}
	if err := os.Remove(s.file(cell)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("podnet: remove the claim: %w", err)
	}
	return nil
}

func alive(c claim) bool {
	_, err := netlink.LinkByName(Config{LinkPrefix: c.LinkPrefix}.bridge())
	return err == nil
}

func sysctl(name string) (string, error) {
	b, err := os.ReadFile("/proc/sys/" + name)
	if err != nil {
		return "", fmt.Errorf("podnet: read sysctl %s: %w", name, err)
	}
	return strings.TrimSpace(string(b)), nil
}

func setSysctl(name, value string) error {
	if err := os.WriteFile("/proc/sys/"+name, []byte(value), 0o644); err != nil {
		return fmt.Errorf("podnet: set sysctl %s to %s: %w", name, value, err)
	}
	return nil
}
