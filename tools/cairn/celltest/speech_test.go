package celltest

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
)

var imagesMade struct {
	sync.Once
	err error
	out []byte
}

const imageDir = "../../../.cache/images"

// importImages loads archives that the example's script makes (and keeps).
func (c *Cell) importImages(files ...string) {
	c.t.Helper()
	imagesMade.Do(func() {
		imagesMade.out, imagesMade.err = exec.Command("../../../deploy/examples/guestbook/images.sh").CombinedOutput()
	})
	if imagesMade.err != nil {
		c.t.Fatalf("make the example's images: %v\n%s", imagesMade.err, imagesMade.out)
	}
	for _, f := range files {
		path, err := filepath.Abs(filepath.Join(imageDir, f))
		if err != nil {
			c.t.Fatal(err)
		}
		if r := c.Cairn("image", "import", "--data-dir", c.data(), path); r.Code != 0 {
			c.t.Fatalf("import %s: exit %d\n%s%s", f, r.Code, r.Out, r.Err)
		}
	}
}

// sleeper is a pod that does nothing for as long as it may, and ends when asked.
func sleeper(name string) string {
	return `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"` + name + `","labels":{"app":"sleeper"}},"spec":{"terminationGracePeriodSeconds":1,
"containers":[{"name":"main","image":"examples/busybox:1","imagePullPolicy":"Never",
"command":["sh","-c","trap 'exit 0' TERM; echo started; while :; do sleep 1; done"]}]}}`
}

type status struct {
	Processes []struct {
		Role string
		Pid  int
	}
	Server struct {
		Folded int64
		Digest string
	}
}

func (c *Cell) status() status {
	c.t.Helper()
	r := c.Cairn("status", "-o", "json", "--data-dir", c.data(), "--run-dir", c.run())
	var s status
	if err := json.Unmarshal([]byte(r.Out), &s); err != nil {
		c.t.Fatalf("status: exit %d, %v\n%s%s", r.Code, err, r.Out, r.Err)
	}
	return s
}

// processes are the pids of the cell's processes with these roles.
func (c *Cell) processes(roles ...string) []int {
	c.t.Helper()
	var out []int
	for _, p := range c.status().Processes {
		for _, role := range roles {
			if p.Role == role {
				out = append(out, p.Pid)
			}
		}
	}
	return out
}

func kill9(t *testing.T, pid int) {
	t.Helper()
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatalf("kill %d: %v", pid, err)
	}
}

func alive(pid int) bool {
	b, err := os.ReadFile("/proc/" + itoa(pid) + "/stat")
	return err == nil && !strings.Contains(string(b), ") Z ")
}

type replayed struct {
	Events  int64
	Digest  string
	Matches bool
	Why     string
}

// replayMatches folds the whole ledger again and wants the same digests.
func (c *Cell) replayMatches() replayed {
	c.t.Helper()
	r := c.Cairn("replay", "-o", "json", "--data-dir", c.data())
	var got replayed
	if err := json.Unmarshal([]byte(r.Out), &got); err != nil || r.Code != 0 || !got.Matches || got.Events == 0 {
		c.t.Fatalf("replay: exit %d, %v\n%s%s", r.Code, err, r.Out, r.Err)
	}
	return got
}

// why tells an object's story, and wants words in it.
func (c *Cell) why(object string, words ...string) string {
	c.t.Helper()
	r := c.Cairn("why", object)
	if r.Code != 0 {
		c.t.Fatalf("why %s: exit %d\n%s%s", object, r.Code, r.Out, r.Err)
	}
	for _, w := range words {
		if !strings.Contains(r.Out, w) {
			c.t.Errorf("why %s does not say %q:\n%s", object, w, r.Out)
		}
	}
	return r.Out
}
