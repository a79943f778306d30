package kinds

import (
	"reflect"
	"testing"

	"cairn/events"
)

func TestFactsOfAPodAreNormalised(t *testing.T) {
	f := kind(t, events.Pods).FactsOf(Builtin(), pod(), Before{})
	want := events.Facts{
		Labels: []events.Pair{{Key: "app", Value: "web"}, {Key: "tier", Value: "front"}}, Finalizers: []string{"a", "b"}, Grace: 30,
		Owners: []events.Owner{{Kind: events.ReplicaSets, Name: "web-1", UID: "r", Controller: true}},
		Pod: &events.Pod{Requests: events.Resources{MilliCPU: 2000, Memory: 2 << 20}, NodeSelector: []events.Pair{{Key: "a", Value: "2"}, {Key: "z", Value: "1"}},
			HostPorts: []events.HostPort{{Protocol: "TCP", Port: 8080}}, Ports: []events.PodPort{{Name: "http", Protocol: "TCP", Port: 80}}},
	}
	if !reflect.DeepEqual(f, want) {
		t.Errorf("facts  %+v\n pod %+v\nwanted %+v\n pod %+v", f, f.Pod, want, want.Pod)
	}
}
