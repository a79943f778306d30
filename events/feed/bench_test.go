package feed

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"testing"

	"cairn/events/wire"
)

// BenchmarkCodec compares JSON, which the streams' entries were, with the
// messages that they are: for a whole slice, what one flip tells, and an assignment.
func BenchmarkCodec(b *testing.B) {
	slice := &Slice{Ports: []SlicePort{{Name: "http", Protocol: "TCP", Port: 8080}}}
	for i := range 100 {
		slice.Endpoints = append(slice.Endpoints, Endpoint{Address: netip.AddrFrom4([4]byte{10, 1, 2, byte(i)}), Node: fmt.Sprint("node-", i)})
	}
	entry := VIPEntry{Offset: 812345, Key: "default/web/web-12345678-17", Version: 1 << 60}
	whole, flip := entry, entry
	whole.Slice, flip.Change = slice, &Change{From: 1 << 59, Gone: []netip.Addr{netip.AddrFrom4([4]byte{10, 1, 2, 3})}}
	assignment := &AssignmentEntry{Offset: 812345, Key: "default/web-7d9c/0198a5c2-7c58-7a8f-9c1e-000000000001", Pod: &Assignment{
		Namespace: "default", Name: "web-7d9c", UID: "0198a5c2-7c58-7a8f-9c1e-000000000001", Epoch: 1, Registration: 4711, Revision: 812346 << 20,
		Digest: fmt.Sprintf("%064d", 7), Address: "10.1.2.3"}}
	run(b, "slice", &whole)
	run(b, "flip", &flip)
	run(b, "assignment", assignment)
}

func run[T any, M interface {
	*T
	wire.Message
}](b *testing.B, name string, m M) {
	text, err := json.Marshal(m)
	if err != nil {
		b.Fatal(err)
	}
	body := wire.Encode(m)
	for _, c := range []struct {
		name string
		size int
		fn   func() error
	}{
		{"json/encode", len(text), func() error { _, err := json.Marshal(m); return err }},
		{"wire/encode", len(body), func() error { wire.Encode(m); return nil }},
		{"json/decode", len(text), func() error { return json.Unmarshal(text, M(new(T))) }},
		{"wire/decode", len(body), func() error { return wire.Decode(body, M(new(T))) }},
	} {
		b.Run(name+"/"+c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := c.fn(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(c.size), "bytes")
		})
	}
}
