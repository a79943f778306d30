package serve

import (
	"runtime"
	"runtime/metrics"
	"testing"
)

func TestDeepStacksAreThereUntilTheServerEnds(t *testing.T) {
	sample := []metrics.Sample{{Name: "/gc/stack/starting-size:bytes"}}
	read := func() uint64 {
		runtime.GC()
		metrics.Read(sample)
		return sample[0].Value.Uint64()
	}
	done := make(chan struct{})
	before := runtime.NumGoroutine()
	deepen(done)
	eventually(t, "stacks start at 8 KiB or more", func() bool { return read() >= 8<<10 })
	close(done)
	eventually(t, "they are gone", func() bool { return runtime.NumGoroutine() <= before })
}
