package cell

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/google/uuid"
)

// Format is the number of cell.json's format, and with it of the whole data folder.
const Format = 1

// Settings of a cell. Those without a remark are fixed at the first start.
type Settings struct {
	Format       int    `json:"format"`
	Name         string `json:"name"`
	Incarnation  string `json:"incarnation"`
	Ledger       string `json:"ledger"` // embedded, or kafka://HOST:PORT[,HOST:PORT][/PREFIX]
	PodRange     string `json:"podRange"`
	ServiceRange string `json:"serviceRange"`
	NodePorts    string `json:"nodePorts"` // LOW-HIGH, inclusive

	Listen   string `json:"listen"`   // as of the last start
	NodeName string `json:"nodeName"` // as of the last start
	RunDir   string `json:"runDir"`   // as of the last start
}

// Load reads a cell's settings; the error wraps os.ErrNotExist where there is no cell.
func Load(p Paths) (*Settings, error) {
	b, err := os.ReadFile(p.Settings())
	if err != nil {
		return nil, err
	}
	s := new(Settings)
	if err := json.Unmarshal(b, s); err != nil {
		return nil, Refuse("%s cannot be read (%v): restore it from a copy", p.Settings(), err)
	}
	if s.Format > Format {
		return nil, Refuse("%s has format %d, this cairn knows up to %d: run the newer cairn that wrote it", p.Data, s.Format, Format)
	}
	s.NodePorts = or(s.NodePorts, defaultNodePorts) // cells of before there was a choice
	return s, nil
}

// Settle fixes the settings at the first start, and later compares: a value
// asked for that differs is refused by name. Empty values ask for nothing.
func Settle(p Paths, asked Settings) (*Settings, error) {
	have, err := Load(p)
	if errors.Is(err, os.ErrNotExist) {
		return found(p, asked)
	}
	if err != nil {
		return nil, err
	}
	for _, f := range []struct{ flag, have, asked string }{
		{"name", have.Name, asked.Name},
		{"ledger", have.Ledger, asked.Ledger},
		{"pod-range", have.PodRange, asked.PodRange},
		{"service-range", have.ServiceRange, asked.ServiceRange},
		{"node-ports", have.NodePorts, asked.NodePorts},
	} {
		if f.asked != "" && f.asked != f.have {
			return nil, Refuse("%s belongs to a cell whose --%s is %s, not %s: leave the flag out, or choose another --data-dir", p.Data, f.flag, f.have, f.asked)
		}
	}
	have.Listen, have.NodeName = or(asked.Listen, have.Listen), or(asked.NodeName, have.NodeName)
	have.RunDir = p.Run
	if err := have.check(); err != nil {
		return nil, err
	}
	return have, have.Save(p)
}

func found(p Paths, s Settings) (*Settings, error) {
	if list, err := os.ReadDir(p.Data); err == nil {
		for _, e := range list {
			// lock and logs are our own, from before the settings; broker is what `make run` keeps beside them.
			if n := e.Name(); n != "lock" && n != "logs" && n != "broker" {
				return nil, Refuse("%s holds %s but no cell.json: it is not a cell's; choose another --data-dir", p.Data, n)
			}
		}
	}
	s.Format, s.Incarnation, s.RunDir = Format, uuid.NewString(), p.Run
	s.Ledger = or(s.Ledger, "embedded")
	s.PodRange, s.ServiceRange = or(s.PodRange, "10.244.0.0/16"), or(s.ServiceRange, "10.96.0.0/16")
	s.NodePorts = or(s.NodePorts, defaultNodePorts)
	s.Listen = or(s.Listen, "127.0.0.1:6443")
	if s.NodeName == "" {
		host, err := os.Hostname()
		if err != nil {
			return nil, fmt.Errorf("find this machine's name (or say --node-name): %w", err)
		}
		s.NodeName = host
	}
	if err := s.check(); err != nil {
		return nil, err
	}
	return &s, s.Save(p)
}

// check refuses ranges that no cell could work with.
func (s *Settings) check() error {
	pods, err := rangeOf("pod-range", s.PodRange, 23)
	if err != nil {
		return err
	}
	services, err := rangeOf("service-range", s.ServiceRange, 27)
	if err != nil {
		return err
	}
	if pods.Overlaps(services) {
		return Misused("--pod-range %s and --service-range %s overlap: choose two that don't", pods, services)
	}
	low, high, err := parsePorts(s.NodePorts)
	if err != nil {
		return err
	}
	// A node port that is given away would hide the API.
	if at, err := netip.ParseAddrPort(s.Listen); err == nil && at.Port() >= low && at.Port() <= high {
		return Misused("--listen %s lies in the node ports %s: choose another port, or other --node-ports", s.Listen, s.NodePorts)
	}
	return nil
}

const defaultNodePorts = "30000-32767"

// NodePortRange is NodePorts as numbers, both inclusive.
func (s *Settings) NodePortRange() (low, high uint16) {
	low, high, _ = parsePorts(s.NodePorts) // checked by Settle
	return low, high
}

func parsePorts(text string) (low, high uint16, err error) {
	a, b, ok := strings.Cut(text, "-")
	from, err1 := strconv.ParseUint(a, 10, 16)
	to, err2 := strconv.ParseUint(b, 10, 16)
	if !ok || err1 != nil || err2 != nil || from == 0 || from > to {
		return 0, 0, Misused("--node-ports %q won't do: write LOW-HIGH, such as %s", text, defaultNodePorts)
	}
	return uint16(from), uint16(to), nil
}

func rangeOf(flag, text string, longest int) (netip.Prefix, error) {
	p, err := netip.ParsePrefix(text)
	if err != nil || !p.Addr().Is4() || p.Masked() != p || p.Bits() > longest || p.Bits() < 8 {
		return p, Misused("--%s %q won't do: write an IPv4 range between /8 and /%d, such as 10.244.0.0/16", flag, text, longest)
	}
	return p, nil
}

// LinkPrefix begins the names of the cell's links; two cells have two (links
// have 15 letters at most).
func (s *Settings) LinkPrefix() string {
	if s.Name == DefaultName {
		return DefaultName
	}
	h := fnv.New32a()
	_, _ = h.Write([]byte(s.Name)) // never fails
	return fmt.Sprintf("c%05x", h.Sum32()&0xfffff)
}

// DNSAddress is the tenth of the service range, as is the custom.
func (s *Settings) DNSAddress() string {
	a := netip.MustParsePrefix(s.ServiceRange).Addr()
	for range 10 {
		a = a.Next()
	}
	return a.String()
}

// URL is where the server is found from this machine.
func (s *Settings) URL() string {
	host, port, err := net.SplitHostPort(s.Listen)
	if ip := net.ParseIP(host); err == nil && (ip == nil || ip.IsUnspecified()) {
		host = "127.0.0.1"
	}
	return "https://" + net.JoinHostPort(host, port)
}

// Save replaces the file whole.
func (s *Settings) Save(p Paths) error {
	b, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	return Replace(p.Settings(), append(b, '\n'), 0o644)
}

// Replace writes a file durably: a crash leaves the old one or the new one.
func Replace(path string, data []byte, mode os.FileMode) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // gone already once renamed
	_, err = f.Write(data)
	if err == nil {
		err = f.Chmod(mode)
	}
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if errors.Is(err, syscall.ENOSPC) {
		return fmt.Errorf("%w: make room on the disk of %s and try again", err, filepath.Dir(path))
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return os.Rename(f.Name(), path)
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}
