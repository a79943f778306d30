package celltest

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
)

func itoa(n int) string { return strconv.Itoa(n) }

func TestNothingAcknowledgedIsLostWhenTheServerIsKilled(t *testing.T) {
	c := New(t)
	c.Up()
	first := c.processes("server")
	if len(first) != 1 {
		t.Fatalf("servers: %v", first)
	}
	var mu sync.Mutex
	acked := map[string]bool{}
	enough := make(chan struct{})
	stop := make(chan struct{})
	var writers sync.WaitGroup
	for w := range 3 {
		writers.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				name := fmt.Sprintf("m%d-%d", w, i)
				r := c.Kubectl("create", "configmap", name, "--from-literal=n="+name)
				mu.Lock()
				if acked[name] = r.Code == 0; len(acked) == 8 {
					close(enough)
				}
				mu.Unlock()
			}
		})
	}
	<-enough
	kill9(t, first[0])
	c.Eventually("a new server", func() (bool, string) {
		r := c.Kubectl("get", "--raw", "/readyz")
		return r.Code == 0, r.Err
	})
	close(stop)
	writers.Wait()
	have := " " + strings.ReplaceAll(c.Must("get", "configmaps", "-o", "jsonpath={.items[*].metadata.name}"), "\n", " ") + " "
	n := 0
	for name, ok := range acked {
		if ok {
			n++
			if !strings.Contains(have, " "+name+" ") {
				t.Errorf("%s was acknowledged and is lost", name)
			}
		}
	}
	if n == 0 {
		t.Error("nothing was acknowledged")
	}
	if again := c.processes("server"); len(again) != 1 || again[0] == first[0] {
		t.Errorf("servers before %v and after %v", first, again)
	}
	c.replayMatches()
}

func TestContainersGoOnWhileTheirCellIsKilledAndAreAdopted(t *testing.T) {
	c := New(t)
	c.Up()
	c.importImages("busybox.tar")
	c.Apply(sleeper("one"))
	c.Must("wait", "--for=condition=Ready", "pod/one", "--timeout=90s")
	id := c.Must("get", "pod", "one", "-o", "jsonpath={.status.containerStatuses[0].containerID} {.status.containerStatuses[0].restartCount}")
	minders := c.processes("shim", "pause")
	if len(minders) != 2 {
		t.Fatalf("want a shim and a pause, have %v", minders)
	}
	// The daemon alone, then everything at once.
	kill9(t, c.processes("node")[0])
	c.Eventually("a new node daemon", func() (bool, string) { n := c.processes("node"); return len(n) == 1, fmt.Sprint(n) })
	for _, p := range c.processes("supervisor", "server", "node") {
		kill9(t, p)
	}
	for _, p := range minders {
		if !alive(p) {
			t.Errorf("process %d ended with its cell", p)
		}
	}
	c.Up()
	if now := c.Must("get", "pod", "one", "-o", "jsonpath={.status.containerStatuses[0].containerID} {.status.containerStatuses[0].restartCount}"); now != id {
		t.Errorf("the container is another one: %s, was %s", now, id)
	}
	if got := c.Must("exec", "one", "--", "echo", "still", "here"); !strings.Contains(got, "still here") {
		t.Errorf("exec: %q", got)
	}
	// Its process killed, it is restarted and the reason is on record.
	kill9(t, firstOf(t, c))
	c.Eventually("a restart", func() (bool, string) {
		n := c.Must("get", "pod", "one", "-o", "jsonpath={.status.containerStatuses[0].restartCount}")
		return n == "1", n
	})
	c.Must("wait", "--for=condition=Ready", "pod/one", "--timeout=90s")
	c.why("po/one", "alice", "placed", "signal 9")
	c.replayMatches()
}

// firstOf finds the only container's first process: the child of its shim
// that is no program of ours.
func firstOf(t *testing.T, c *Cell) int {
	t.Helper()
	pauses := c.processes("pause")
	shims := c.processes("shim")
	out := strings.Fields(c.sh("pgrep", "-P", itoa(shims[0])))
	for _, f := range out {
		if pid, _ := strconv.Atoi(f); pid != 0 && pid != pauses[0] {
			return pid
		}
	}
	t.Fatalf("shim %v has no container: children %v, pause %v", shims, out, pauses)
	return 0
}
