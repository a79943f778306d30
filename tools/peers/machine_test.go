package main

import (
	"os"
	"testing"
	"time"
)

func TestFiguresOfTheKernelAreRead(t *testing.T) {
	got, err := parseCPU([]byte("42 (a) b (c) S 1 42 42 0 -1 4194560 1 2 3 4 150 50 7 8 20 0 9\n"))
	if err != nil || got != 2*time.Second {
		t.Errorf("CPU time %v, %v", got, err)
	}
	stat := "cpu  1 1 1 1 1 1 1 1 0 0\ncpu0 100 1 20 5000 30 2 3 4 0 0\ncpu1 7 0 0 0 0 0 0 0 0 0\ncpu10 900 0 0 0 0 0 0 0 0 0\n"
	if got, err := parseBusy(stat, []int{0, 1}); err != nil || got != 1370*time.Millisecond {
		t.Errorf("busy %v, %v", got, err)
	}
	if got, err := parseKB("VmHWM:\t  2048 kB\nVmRSS:\t    1024 kB\n", "VmRSS:"); err != nil || got != 1<<20 {
		t.Errorf("resident %d, %v", got, err)
	}
	for _, bad := range []error{second(parseCPU([]byte("42 (x) S 1"))), second(parseBusy(stat, []int{3})), second(parseKB("", "VmRSS:"))} {
		if bad == nil {
			t.Error("what is not there was read")
		}
	}
}

func second[T any](_ T, err error) error { return err }

func TestAProcessIsMeasured(t *testing.T) {
	me := os.Getpid()
	if err := resetPeak(me); err != nil {
		t.Fatal(err)
	}
	u, err := memory(me)
	if err != nil || u.now <= 0 || u.own > u.now || u.peak < u.now/2 {
		t.Errorf("resident %+v, %v", u, err)
	}
	if _, err := cpuOf(me); err != nil {
		t.Error(err)
	}
}
