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
	services, records, err := convert([]feed.VIP{
		{Namespace: "shop", Name: "web", Address: "10.96.0.20", StickySeconds: 10800, Ports: []feed.VIPPort{
			{Name: "http", Protocol: "TCP", Port: 80, NodePort: 30080, Endpoints: []feed.Endpoint{{Address: "10.244.0.2", Port: 8080}, {Address: "10.244.0.3", Port: 8080}}},
			{Name: "sctp", Protocol: "SCTP", Port: 81},
		}},
		{Namespace: "shop", Name: "db", Ports: []feed.VIPPort{
			{Protocol: "TCP", Port: 1, Endpoints: []feed.Endpoint{{Address: "10.244.0.2", Port: 1, Hostname: "db-0"}}},
			{Protocol: "UDP", Port: 2, Endpoints: []feed.Endpoint{{Address: "10.244.0.2", Port: 2, Hostname: "db-0"}}},
		}},
		{Namespace: "shop", Name: "out", ExternalName: "example.org"},
	})
	if err != nil {
		t.Fatal(err)
	}
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
	if _, _, err := convert([]feed.VIP{{Namespace: "shop", Name: "bad", Address: "nowhere"}}); err == nil {
		t.Error("an address that can't be read was taken")
	}
}
