package network

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"cairn/dataplane"
	"cairn/dataplane/ruleset"
	"cairn/events/feed"
)

// mostSticky is the longest affinity that the kernel's map takes.
const mostSticky = 24 * time.Hour

// convert makes rules and names of the VIPs of a feed.
func convert(all []feed.VIP) ([]ruleset.Service, []dataplane.Record, error) {
	services := make([]ruleset.Service, 0, len(all))
	records := make([]dataplane.Record, 0, len(all))
	for i := range all {
		s, r, err := convertOne(&all[i])
		if err != nil {
			return nil, nil, fmt.Errorf("service %s/%s: %w", all[i].Namespace, all[i].Name, err)
		}
		services, records = append(services, s), append(records, r)
	}
	return services, records, nil
}

func convertOne(v *feed.VIP) (ruleset.Service, dataplane.Record, error) {
	s := ruleset.Service{Namespace: v.Namespace, Name: v.Name, Sticky: min(time.Duration(v.StickySeconds)*time.Second, mostSticky)}
	r := dataplane.Record{Namespace: v.Namespace, Name: v.Name, External: v.ExternalName}
	if v.Address != "" {
		addr, err := netip.ParseAddr(v.Address)
		if err != nil {
			return s, r, err
		}
		s.VIP, r.VIP = addr, addr
	}
	for i := range v.Ports {
		p := &v.Ports[i]
		proto := map[string]uint8{"TCP": ruleset.TCP, "": ruleset.TCP, "UDP": ruleset.UDP}[p.Protocol]
		if proto == 0 {
			continue
		}
		port := ruleset.Port{Name: p.Name, Protocol: proto, Port: p.Port, NodePort: p.NodePort}
		for _, e := range p.Endpoints {
			addr, err := netip.ParseAddr(e.Address)
			if err != nil {
				return s, r, err
			}
			if !addr.Is4() {
				continue
			}
			port.Endpoints = append(port.Endpoints, netip.AddrPortFrom(addr, e.Port))
			if pod := (dataplane.RecordPod{Hostname: e.Hostname, Addr: addr}); !r.VIP.IsValid() && !slices.Contains(r.Pods, pod) {
				r.Pods = append(r.Pods, pod)
			}
		}
		s.Ports = append(s.Ports, port)
		r.Ports = append(r.Ports, dataplane.RecordPort{Name: p.Name, Protocol: proto, Port: p.Port})
	}
	return s, r, nil
}
