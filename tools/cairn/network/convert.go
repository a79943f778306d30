package network

import (
	"slices"
	"time"

	"cairn/dataplane"
	"cairn/dataplane/ruleset"
	"cairn/events/feed"
)

// mostSticky is the longest affinity that the kernel's map takes.
const mostSticky = 24 * time.Hour

// converted is what the dataplane takes for one service.
type converted struct {
	service ruleset.Service
	record  dataplane.Record
}

// converter makes rules and names of services. One that is the same pointer as
// the last time is not converted again: what one change costs does not depend
// on how many services there are, but for two copies of a list.
type converter struct{ last map[*feed.VIP]converted }

func (c *converter) convert(all []*feed.VIP) ([]ruleset.Service, []dataplane.Record) {
	services := make([]ruleset.Service, 0, len(all))
	records := make([]dataplane.Record, 0, len(all))
	next := make(map[*feed.VIP]converted, len(all))
	for _, v := range all {
		is, ok := c.last[v]
		if !ok {
			is = convertOne(v)
		}
		next[v] = is
		services, records = append(services, is.service), append(records, is.record)
	}
	c.last = next
	return services, records
}

func convertOne(v *feed.VIP) converted {
	s := ruleset.Service{Namespace: v.Namespace, Name: v.Name, VIP: v.Address, Sticky: min(time.Duration(v.StickySeconds)*time.Second, mostSticky)}
	r := dataplane.Record{Namespace: v.Namespace, Name: v.Name, VIP: v.Address, External: v.ExternalName}
	for i := range v.Ports {
		p := &v.Ports[i]
		proto := map[string]uint8{"TCP": ruleset.TCP, "": ruleset.TCP, "UDP": ruleset.UDP}[p.Protocol]
		if proto == 0 {
			continue
		}
		port := ruleset.Port{Name: p.Name, Protocol: proto, Port: p.Port.Port, NodePort: p.NodePort}
		for _, e := range p.Endpoints {
			if !e.Address.Addr().Is4() {
				continue
			}
			port.Endpoints = append(port.Endpoints, e.Address)
			if !r.VIP.IsValid() {
				r.Pods = append(r.Pods, dataplane.RecordPod{Hostname: e.Hostname, Addr: e.Address.Addr()})
			}
		}
		s.Ports = append(s.Ports, port)
		r.Ports = append(r.Ports, dataplane.RecordPort{Name: p.Name, Protocol: proto, Port: p.Port.Port})
	}
	r.Pods = once(r.Pods)
	return converted{s, r}
}

// once leaves out those that further ports name again; the order stays.
func once(pods []dataplane.RecordPod) []dataplane.RecordPod {
	seen := map[dataplane.RecordPod]bool{}
	return slices.DeleteFunc(pods, func(p dataplane.RecordPod) bool {
		was := seen[p]
		seen[p] = true
		return was
	})
}
