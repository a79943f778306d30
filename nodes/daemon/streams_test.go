package daemon

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"cairn/events"
	"cairn/nodes/runtime"
	"cairn/nodes/streaming"
)

func streams(out io.Writer) runtime.Streams {
	return runtime.Streams{Stdout: out, Stderr: out}
}

// lockedBuffer is written by a copying goroutine while a test reads it.
type lockedBuffer struct {
	mu sync.Mutex
	b  strings.Builder
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func TestExecAttachAndLogsOfARealContainer(t *testing.T) {
	n := newNode(t)
	n.start()
	pod := podOf(t, "web", `
containers:
- {name: c, stdin: true, command: [sh, -c, "while read l; do echo heard $l; done; sleep 3600"]}
- {name: tty, tty: true, stdin: true, command: [sh]}
`)
	n.server.Assign(pod, "10.244.0.2")
	n.waitReady(pod)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c, err := n.d.Container("shop", "web", "", "c")
	if err != nil {
		t.Fatal(err)
	}
	var out, errs lockedBuffer
	code, err := c.Exec(ctx, []string{"sh", "-c", "cat; echo oops >&2; exit 42"}, runtime.Streams{Stdin: strings.NewReader("typed"), Stdout: &out, Stderr: &errs})
	if err != nil || code != 42 || out.String() != "typed" || errs.String() != "oops\n" {
		t.Errorf("exec: %d, %v, %q, %q", code, err, out.String(), errs.String())
	}
	if _, err := c.Exec(ctx, []string{"/nowhere"}, streams(&out)); err == nil {
		t.Error("a program that is not there was run")
	}
	sizes := make(chan runtime.Size, 1)
	sizes <- runtime.Size{Width: 132, Height: 43}
	var term lockedBuffer
	code, err = c.Exec(ctx, []string{"sh", "-c", "until [ \"$(stty size)\" = '43 132' ]; do sleep 0.05; done; echo sized; exit 5"},
		runtime.Streams{Stdin: blocked{}, Stdout: &term, TTY: true, Resize: sizes})
	if err != nil || code != 5 || !strings.Contains(term.String(), "sized") {
		t.Errorf("terminal: %d, %v, %q", code, err, term.String())
	}
	attached := func(container, say, want string) {
		c, err := n.d.Container("shop", "web", string(pod.UID), container)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		in, typed := io.Pipe()
		var heard lockedBuffer
		done := make(chan error, 1)
		go func() { done <- c.Attach(ctx, runtime.Streams{Stdin: in, Stdout: &heard, Stderr: &heard}) }()
		if _, err := io.WriteString(typed, say); err != nil {
			t.Fatal(err)
		}
		n.wait(container+" answers "+want, func() bool { return strings.Contains(heard.String(), want) })
		cancel()
		<-done
		typed.Close()
	}
	attached("c", "you\n", "heard you")
	attached("tty", "echo a$((40+2))b\n", "a42b")
	n.waitLog(pod, "c", 0, "F heard you\n")

	srv := httptest.NewServer(streaming.Handler(n.d))
	defer srv.Close()
	r, err := http.Get(srv.URL + "/containerLogs/shop/web/c?tailLines=1")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	if b, err := io.ReadAll(r.Body); err != nil || string(b) != "heard you\n" {
		t.Errorf("log %q, %v", b, err)
	}
}

// blocked is a terminal at which nobody types.
type blocked struct{}

func (blocked) Read([]byte) (int, error) { select {} }

func TestAnExecEndsWithItsContext(t *testing.T) {
	n := newNode(t)
	n.start()
	pod := podOf(t, "web", `containers: [{name: c}]`)
	n.server.Assign(pod, "10.244.0.2")
	n.waitReady(pod)
	c, err := n.d.Container("shop", "web", "", "c")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var out lockedBuffer
	done := make(chan error, 1)
	go func() {
		_, err := c.Exec(ctx, []string{"sh", "-c", "echo began; exec sleep 7654"}, streams(&out))
		done <- err
	}()
	n.wait("it runs", func() bool { return strings.Contains(out.String(), "began") })
	cancel()
	select {
	case err := <-done:
		if err == nil {
			t.Error("no error")
		}
	case <-time.After(patience):
		t.Fatal("exec does not end")
	}
	n.wait("its process is gone", func() bool { return !strings.Contains(n.exec(pod, "c", "busybox", "ps"), "7654") })
}

func TestADaemonThatIsRestartedTwiceReportsOnlyWhatHappened(t *testing.T) {
	n := newNode(t)
	n.start()
	pod := podOf(t, "web", `containers: [{name: c}]`)
	n.server.Assign(pod, "10.244.0.2")
	n.waitReady(pod)
	for range 2 {
		n.stop()
		n.start()
	}
	n.wait("the new registration is used", func() bool {
		rs := n.seen(pod, "")
		return rs[len(rs)-1].Facts.Registration == n.server.Registration()
	})
	if k := len(n.seen(pod, events.ContainerStarted)); k != 1 {
		t.Errorf("started %d times", k)
	}
}
