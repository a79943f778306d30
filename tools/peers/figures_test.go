package main

import (
	"bytes"
	"testing"
	"time"
)

func TestALineHoldsBothPeersAndTheirRatio(t *testing.T) {
	var kube, cairn sample
	for i := range 100 {
		kube.add(sample{n: 1, took: 20 * time.Millisecond, cpu: 2 * time.Millisecond, times: []time.Duration{time.Duration(100-i) * time.Millisecond}})
		cairn.add(sample{n: 1, took: 10 * time.Millisecond, cpu: time.Millisecond, times: []time.Duration{time.Duration(i+1) * time.Millisecond / 2}, peak: int64(i) << 20})
	}
	var out bytes.Buffer
	l := line{What: "create", Load: "x", Kube: kube.figures(), Cairn: cairn.figures(), Others: 0.0312}
	if err := l.say(&out); err != nil {
		t.Fatal(err)
	}
	want := `{"what":"create","load":"x","others":0.031,"kube":{"cpu_ms":2,"p50_ms":50,"p99_ms":99,"rate_per_s":50},` +
		`"cairn":{"cpu_ms":1,"p50_ms":25,"p99_ms":49.5,"peak_mb":103.8,"rate_per_s":100},"ratio":{"cpu_ms":0.5,"p50_ms":0.5,"p99_ms":0.5,"rate_per_s":2}}` + "\n"
	if out.String() != want {
		t.Errorf("got  %swant %s", out.String(), want)
	}
}
