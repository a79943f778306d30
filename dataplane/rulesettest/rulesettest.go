package rulesettest

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"cairn/dataplane/ruleset"
)

// Node reads a line of words into the config of a node with fixed ranges.
func Node(line string) (ruleset.Config, error) {
	c := ruleset.Config{
		Cell: "demo", LinkPrefix: "cn1",
		PodRange:     netip.MustParsePrefix("10.88.0.0/16"),
		NodeRange:    netip.MustParsePrefix("10.88.1.0/24"),
		ServiceRange: netip.MustParsePrefix("10.89.0.0/16"),
		NodeAddr:     netip.MustParseAddr("192.0.2.2"),
		NodeAddrs:    []netip.Addr{netip.MustParseAddr("192.0.2.2")},
	}
	for _, word := range strings.Fields(line) {
		name, list, ok := strings.Cut(word, "=")
		if !ok {
			return c, fmt.Errorf("rulesettest: %q is not name=value", word)
		}
		var err error
		switch name {
		case "pods":
			c.LocalPods, err = addrs(list)
		case "local":
			c.LocalAddrs, err = addrs(list)
		case "nodes":
			c.NodeAddrs, err = addrs(list)
		case "peers":
			for _, text := range strings.Split(list, ",") {
				var p netip.Prefix
				if p, err = netip.ParsePrefix(text); err != nil {
					break
				}
				c.Peers = append(c.Peers, p)
			}
		default:
			err = fmt.Errorf("rulesettest: a node has no %q", name)
		}
		if err != nil {
			return c, err
		}
	}
	return c, c.Validate()
}

func addrs(list string) ([]netip.Addr, error) {
	var out []netip.Addr
	for _, text := range strings.Split(list, ",") {
		a, err := netip.ParseAddr(text)
		if err != nil {
			return nil, err
		}
		out = append(out, a)
	}
	return out, nil
}

// Services reads services, one line a port.
func Services(text string) ([]ruleset.Service, error) {
	var out []ruleset.Service
	for _, line := range strings.Split(text, "\n") {
		line, _, _ = strings.Cut(line, "#")
		if strings.TrimSpace(line) == "" {
			continue
		}
		s, err := service(line)
		if err != nil {
			return nil, fmt.Errorf("rulesettest: %q: %w", line, err)
		}
		if n := len(out); n > 0 && out[n-1].Namespace == s.Namespace && out[n-1].Name == s.Name {
			out[n-1].Ports = append(out[n-1].Ports, s.Ports...)
			out[n-1].Sticky = max(out[n-1].Sticky, s.Sticky) // it is the whole service's
			continue
		}
		out = append(out, s)
	}
	return out, nil
}

func service(line string) (s ruleset.Service, err error) {
	head, ends, _ := strings.Cut(line, "->")
	words := strings.Fields(head)
	if len(words) < 3 {
		return s, fmt.Errorf("a service has a name, an address and a port")
	}
	s.Namespace, s.Name, _ = strings.Cut(words[0], "/")
	if words[1] != "none" {
		if s.VIP, err = netip.ParseAddr(words[1]); err != nil {
			return s, err
		}
	}
	protocol, number, _ := strings.Cut(words[2], "/")
	n, err := strconv.ParseUint(number, 10, 16)
	if err != nil {
		return s, err
	}
	p := ruleset.Port{Protocol: Protocol(protocol), Port: uint16(n)}
	for _, w := range words[3:] {
		name, value, _ := strings.Cut(w, "=")
		switch name {
		case "node":
			n, err = strconv.ParseUint(value, 10, 16)
			p.NodePort = uint16(n)
		case "sticky":
			s.Sticky, err = time.ParseDuration(value)
		default:
			err = fmt.Errorf("a service has no %q", name)
		}
		if err != nil {
			return s, err
		}
	}
	for _, w := range strings.Fields(ends) {
		e, err := netip.ParseAddrPort(w)
		if err != nil {
			return s, err
		}
		p.Endpoints = append(p.Endpoints, e)
	}
	s.Ports = []ruleset.Port{p}
	return s, nil
}

// Protocol is the number of "tcp" and "udp"; 0 for any other word.
func Protocol(word string) uint8 {
	return map[string]uint8{"tcp": ruleset.TCP, "udp": ruleset.UDP}[word]
}
