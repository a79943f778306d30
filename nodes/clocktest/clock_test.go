package clocktest

import (
	"testing"
	"testing/synctest"
	"time"
)

var start = time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)

func TestTimersFireOneByOneInTheirOrder(t *testing.T) {
	c := New(start)
	var fired []string
	note := func(name string) func() { return func() { fired = append(fired, name+" "+c.Since(start).String()) } }
	c.AfterFunc(2*time.Second, note("b"))
	c.AfterFunc(time.Second, note("a"))
	c.AfterFunc(2*time.Second, note("c"))
	stopped := c.AfterFunc(time.Second, note("never"))
	moved := c.AfterFunc(time.Second, note("moved"))
	c.AfterFunc(0, note("at once"))
	if !stopped.Stop() || stopped.Stop() || !moved.Reset(3*time.Second) {
		t.Error("Stop and Reset do not say whether the timer waited")
	}
	for c.Step() {
	}
	want := []string{"at once 0s", "a 1s", "b 2s", "c 2s", "moved 3s"}
	if len(fired) != len(want) {
		t.Fatalf("fired %q, want %q", fired, want)
	}
	for i := range want {
		if fired[i] != want[i] {
			t.Errorf("fired %q, want %q", fired, want)
		}
	}
	if c.Since(start) != 3*time.Second {
		t.Errorf("the clock stands at %s", c.Since(start))
	}
}

func TestWhatATimerSetsOffIsOverBeforeTheNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := New(start)
		beats := 0
		ticks := c.Tick(time.Second)
		stop := make(chan struct{})
		go func() {
			for {
				select {
				case <-ticks:
					beats++
				case <-stop:
					return
				}
			}
		}()
		if !c.Run(time.Minute, synctest.Wait, func() bool { return beats == 10 }) || c.Since(start) != 10*time.Second {
			t.Errorf("%d beats after %s", beats, c.Since(start))
		}
		if c.Run(time.Second, synctest.Wait, func() bool { return false }) {
			t.Error("what never happens has happened")
		}
		close(stop)
		slept := false
		go func() { c.Sleep(time.Minute); slept = true }()
		if !c.Run(time.Hour, synctest.Wait, func() bool { return slept }) {
			t.Error("it sleeps for ever")
		}
	})
}
