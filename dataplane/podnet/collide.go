package podnet

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Collision says what of a cell is taken on this machine already.
type Collision struct {
	What string // "the pod range 10.244.0.0/16"
	By   string // "this machine's route 10.0.0.0/8 via 192.0.2.1 on eth0"
	Flag string // what to change: --pod-range
}

func (c *Collision) Error() string {
	return fmt.Sprintf("%s collides with %s: choose another by %s", c.What, c.By, c.Flag)
}

// Check reports whether Setup would refuse, and changes nothing. Its error is a
// *Collision where something is taken; node ports that another cell has are a
// Collision, too, though Setup, where services may exist already, lets them be.
func Check(cfg Config) error {
	if err := cfg.validate(); err != nil {
		return err
	}
	s, err := openClaims(cfg.StateDir)
	if err != nil {
		return err
	}
	defer s.Close()
	if err := s.rivals(cfg); err != nil {
		return err
	}
	if err := cfg.collide(); err != nil {
		return err
	}
	return s.ports(cfg)
}

// collide refuses ranges that the machine already routes somewhere, by name.
// Default routes, also those cut in two halves, are no reason.
func (c Config) collide() error {
	routes, err := Whole(func() ([]netlink.Route, error) {
		return netlink.RouteListFiltered(netlink.FAMILY_V4, &netlink.Route{Table: unix.RT_TABLE_UNSPEC}, netlink.RT_FILTER_TABLE)
	})
	if err != nil {
		return fmt.Errorf("podnet: list this machine's routes: %w", err)
	}
	names := map[int]string{}
	links, err := Whole(netlink.LinkList)
	if err != nil {
		return fmt.Errorf("podnet: list this machine's links: %w", err)
	}
	for _, l := range links {
		names[l.Attrs().Index] = l.Attrs().Name
	}
	for _, r := range routes {
		to, link := prefix(r.Dst), names[r.LinkIndex]
		// Other cells' claims were looked at before, so what has our number is
		// ours, from an earlier run.
		if to.Bits() <= 1 || r.Protocol == protocol || strings.HasPrefix(link, c.LinkPrefix+"-") {
			continue
		}
		if err := c.clash(to, describe(r, to, link)); err != nil {
			return err
		}
	}
	return nil
}

// clash says which of our ranges a taken one overlaps, and what to change.
func (c Config) clash(taken netip.Prefix, by string) error {
	for _, r := range []struct {
		name, flag string
		value      netip.Prefix
	}{{"pod", "--pod-range", c.PodRange}, {"service", "--service-range", c.ServiceRange}} {
		if r.value.Overlaps(taken) {
			return &Collision{What: fmt.Sprintf("the %s range %v", r.name, r.value), By: by, Flag: r.flag}
		}
	}
	return nil
}

func describe(r netlink.Route, to netip.Prefix, link string) string {
	s := "this machine's route " + to.String()
	if r.Table == unix.RT_TABLE_LOCAL {
		s = "this machine's address " + to.Addr().String()
	}
	if r.Gw != nil {
		s += " via " + r.Gw.String()
	}
	if link != "" {
		s += " on " + link
	}
	return s
}
