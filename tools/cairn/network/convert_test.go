package network

import (
	"net/netip"
	"reflect"
	"testing"
	"time"

	"cairn/dataplane"
	"cairn/dataplane/ruleset"
	"cairn/events/feed"
)

func TestServicesBecomeRulesAndNames(t *testing.T) {
	a, b, vip := netip.MustParseAddr("10.244.0.2"), netip.MustParseAddr("10.244.0.3"), netip.MustParseAddr("10.96.0.20")
	at := func(a netip.Addr, port uint16, hostname string) feed.Backend {
		return feed.Backend{Address: netip.AddrPortFrom(a, port), Hostname: hostname}
	}
	all := []*feed.VIP{
		{Namespace: "shop", Name: "web", Address: vip, StickySeconds: 10800, Ports: []feed.VIPPort{
			{Port: feed.Port{Name: "http", Protocol: "TCP", Port: 80, NodePort: 30080}, Endpoints: []feed.Backend{at(a, 8080, ""), at(b, 8080, "")}},
			{Port: feed.Port{Name: "sctp", Protocol: "SCTP", Port: 81}},
		}},
		{Namespace: "shop", Name: "db", Ports: []feed.VIPPort{
			{Port: feed.Port{Protocol: "TCP", Port: 1}, Endpoints: []feed.Backend{at(a, 1, "db-0")}},
			{Port: feed.Port{Protocol: "UDP", Port: 2}, Endpoints: []feed.Backend{at(a, 2, "db-0")}},
		}},
		{Namespace: "shop", Name: "out", ExternalName: "example.org"},
	}
	var c converter
	services, records := c.convert(all)
	wantServices := []ruleset.Service{
		{Namespace: "shop", Name: "web", VIP: vip, Sticky: 3 * time.Hour, Ports: []ruleset.Port{
			{Name: "http", Protocol: ruleset.TCP, Port: 80, NodePort: 30080, Endpoints: []netip.AddrPort{netip.AddrPortFrom(a, 8080), netip.AddrPortFrom(b, 8080)}}}},
		{Namespace: "shop", Name: "db", Ports: []ruleset.Port{
			{Protocol: ruleset.TCP, Port: 1, Endpoints: []netip.AddrPort{netip.AddrPortFrom(a, 1)}},
			{Protocol: ruleset.UDP, Port: 2, Endpoints: []netip.AddrPort{netip.AddrPortFrom(a, 2)}}}},
		{Namespace: "shop", Name: "out"},
	}
	if !reflect.DeepEqual(services, wantServices) {
		t.Errorf("services:\n%+v\nwant\n%+v", services, wantServices)
	}
	wantRecords := []dataplane.Record{
		{Namespace: "shop", Name: "web", VIP: vip, Ports: []dataplane.RecordPort{{Name: "http", Protocol: ruleset.TCP, Port: 80}}},
		{Namespace: "shop", Name: "db", Pods: []dataplane.RecordPod{{Hostname: "db-0", Addr: a}},
			Ports: []dataplane.RecordPort{{Protocol: ruleset.TCP, Port: 1}, {Protocol: ruleset.UDP, Port: 2}}},
		{Namespace: "shop", Name: "out", External: "example.org"},
	}
	if !reflect.DeepEqual(records, wantRecords) {
		t.Errorf("records:\n%+v\nwant\n%+v", records, wantRecords)
	}
	again, _ := c.convert([]*feed.VIP{all[0], {Namespace: "shop", Name: "new"}})
	if &again[0].Ports[0] != &services[0].Ports[0] {
		t.Error("a service that is as it was was converted again")
	}
	if len(again) != 2 || len(c.last) != 2 {
		t.Errorf("%d services, %d kept for two", len(again), len(c.last))
	}
}
