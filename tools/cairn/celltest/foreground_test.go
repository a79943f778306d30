package celltest

import (
	"bufio"
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// foreground starts `cairn up` as a person at a terminal does, and waits until
// it says that the cell is ready.
func (c *Cell) foreground(more ...string) (*exec.Cmd, *bytes.Buffer) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	c.t.Cleanup(cancel)
	cmd := c.command(ctx, append([]string{c.bin, "up", "--name", c.name, "--data-dir", c.data(), "--run-dir", c.run(),
		"--listen", c.listen, "--node-name", "n1"}, more...)...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		c.t.Fatal(err)
	}
	var errs bytes.Buffer
	cmd.Stderr = &errs
	if err := cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if strings.Contains(lines.Text(), "end it with") {
			return cmd, &errs
		}
	}
	c.t.Fatalf("it never got ready: %v\n%s", cmd.Wait(), errs.String())
	return nil, nil
}

// interrupt is Ctrl-C.
func (c *Cell) interrupt(cmd *exec.Cmd, errs *bytes.Buffer) {
	c.t.Helper()
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		c.t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		c.t.Fatalf("after Ctrl-C: %v\n%s", err, errs.String())
	}
}

func TestCtrlCEndsTheCellAndKeepLeavesItsContainers(t *testing.T) {
	c := New(t)
	before := c.left()
	cmd, errs := c.foreground("--keep")
	c.importImages("busybox.tar")
	c.Apply(sleeper("one"))
	c.Must("wait", "--for=condition=Ready", "pod/one", "--timeout=90s")
	minders := c.processes("shim", "pause")
	id := c.Must("get", "pod", "one", "-o", "jsonpath={.status.containerStatuses[0].containerID}")
	c.interrupt(cmd, errs)
	if r := c.Cairn("status", "--data-dir", c.data(), "--run-dir", c.run()); r.Code != 1 || !strings.Contains(r.Err, "not running") {
		t.Errorf("status of a cell that ended: exit %d\n%s%s", r.Code, r.Out, r.Err)
	}
	for _, p := range minders {
		if !alive(p) {
			t.Errorf("with --keep, process %d ended", p)
		}
	}
	cmd, errs = c.foreground()
	if now := c.Must("get", "pod", "one", "-o", "jsonpath={.status.containerStatuses[0].containerID}"); now != id {
		t.Errorf("the next up did not adopt the container: %s, was %s", now, id)
	}
	c.interrupt(cmd, errs)
	c.compare(before)
}

func TestRecordsAreFollowedAndKubectlGoesByItsName(t *testing.T) {
	c := New(t)
	c.Up()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	follow := c.command(ctx, c.bin, "events", "-f", "--since", "now", "-o", "json", "cm/settings")
	out, err := follow.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := follow.Start(); err != nil {
		t.Fatal(err)
	}
	kubectl := filepath.Join(c.dir, "kubectl")
	if err := os.Symlink(c.bin, kubectl); err != nil {
		t.Fatal(err)
	}
	if r := c.On(kubectl, "create", "configmap", "settings"); r.Code != 0 || !strings.Contains(r.Out, "configmap/settings created") {
		t.Fatalf("kubectl by its name: exit %d\n%s%s", r.Code, r.Out, r.Err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || !strings.Contains(line, `"type":"object.created"`) || !strings.Contains(line, `"who":"alice from 127.0.0.1"`) {
		t.Errorf("followed: %v %s", err, line)
	}
	follow.Process.Signal(os.Interrupt)
	if err := follow.Wait(); err != nil {
		t.Errorf("Ctrl-C of a followed list: %v", err)
	}
	for _, args := range [][]string{{"get", "all", "-A"}, {"api-resources"}, {"version"}, {"auth", "whoami"}, {"get", "nodes", "-o", "wide"}, {"describe", "node", "n1"}, {"get", "events", "-A"}} {
		if r := c.On(append([]string{kubectl}, args...)...); r.Code != 0 || r.Out == "" {
			t.Errorf("kubectl %v: exit %d\n%s%s", args, r.Code, r.Out, r.Err)
		}
	}
}

func TestAPortIsForwardedToAService(t *testing.T) {
	c := New(t)
	c.Up()
	c.guestbook()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	forward := c.command(ctx, c.bin, "kubectl", "port-forward", "service/frontend", "18080:80")
	out, err := forward.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := forward.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || !strings.Contains(line, "18080") {
		t.Fatalf("port-forward: %v %s", err, line)
	}
	c.shows("http://127.0.0.1:18080/", "<html")
	forward.Process.Signal(syscall.SIGTERM)
	forward.Wait() // its exit code is the signal's

	// A followed log shows what is said from now on.
	pod := c.Must("get", "pod", "-l", "app=frontend", "-o", "jsonpath={.items[0].metadata.name}")
	address := c.Must("get", "pod", pod, "-o", "jsonpath={.status.podIP}")
	logs := c.command(ctx, c.bin, "kubectl", "logs", "-f", "--tail=0", pod)
	said, err := logs.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := logs.Start(); err != nil {
		t.Fatal(err)
	}
	found := make(chan bool, 1)
	go func() {
		for s := bufio.NewScanner(said); s.Scan(); {
			if strings.Contains(s.Text(), "followed-by-test") {
				found <- true
				return
			}
		}
		found <- false
	}()
	for asking := true; asking; {
		c.browse("http://" + address + ":8080/?followed-by-test")
		select {
		case ok := <-found:
			if asking = false; !ok {
				t.Error("the followed log ended without what was said")
			}
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			t.Fatal("the followed log does not show what was said")
		}
	}
	logs.Process.Signal(syscall.SIGTERM)
	logs.Wait() // its exit code is the signal's
}
