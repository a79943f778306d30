package serve

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/remotecommand"

	"cairn/events"
	"cairn/events/ledger"
	"cairn/projections/follower"
)

// exec opens a session as kubectl does and returns its error: the nodes of
// these tests end every stream.
func (c *cell) exec(ctx context.Context, user string, groups []string, pod, what string, o any) error {
	c.t.Helper()
	path, config := &url.URL{Scheme: "https", Host: c.server.Addr(), Path: "/api/v1/namespaces/default/pods/" + pod + "/" + what}, c.config(user, groups...)
	switch o := o.(type) {
	case *corev1.PodExecOptions:
		v, err := scheme.ParameterCodec.EncodeParameters(o, corev1.SchemeGroupVersion)
		must(c.t, err)
		path.RawQuery = v.Encode()
	case string:
		path.RawQuery = o
	}
	e, err := remotecommand.NewWebSocketExecutor(config, "GET", path.String())
	must(c.t, err)
	return e.StreamWithContext(ctx, remotecommand.StreamOptions{Stdout: new(strings.Builder), Stderr: new(strings.Builder)})
}

// sessions are the records of who entered a pod.
func (c *cell) sessions(of events.Type) (list []*events.Event) {
	_, all := c.records()
	for _, e := range all {
		if e.Type == of && e.Subject.Kind == events.Pods {
			list = append(list, e)
		}
	}
	return list
}

func TestASessionIsOnRecordBeforeItIsOpened(t *testing.T) {
	c := newCell(t)
	var mu sync.Mutex
	var known []string // what was on record when the node was asked
	p, n := c.podOn("n1", c.streams("n1", func(w http.ResponseWriter, r *http.Request) {
		said := r.URL.Path + " <-"
		for _, e := range c.sessions(events.SessionOpened) {
			said += fmt.Sprintf(" %s: %s;", e.Actor.User, e.Reason)
		}
		mu.Lock()
		known = append(known, said)
		mu.Unlock()
		http.Error(w, "enough", http.StatusTeapot)
	}))
	n.report(p, events.ContainerStarted, events.Running, true)
	ls := &corev1.PodExecOptions{Command: []string{"sh", "-c", "ls 'a b'"}, Stdout: true, Stderr: true}
	masters := []string{"system:masters"}
	if err := c.exec(t.Context(), "alice", masters, p.Name, "exec", ls); err == nil {
		t.Error("the node refused, and yet it worked")
	}
	if err := c.exec(t.Context(), "carol", masters, p.Name, "attach", "stdout=true"); err == nil {
		t.Error("the node refused, and yet it worked")
	}
	want := []string{
		`/exec/default/on-n1/c <- alice: exec in container c: sh -c 'ls '\''a b'\''';`,
		`/attach/default/on-n1/c <- alice: exec in container c: sh -c 'ls '\''a b'\'''; carol: attach to container c;`,
	}
	mu.Lock()
	defer mu.Unlock()
	if strings.Join(known, "\n") != strings.Join(want, "\n") {
		t.Errorf("on record when the node was asked:\n%s\nwant:\n%s", strings.Join(known, "\n"), strings.Join(want, "\n"))
	}
	for _, e := range c.sessions(events.SessionOpened) {
		if e.UID != string(p.UID) || e.Actor.Address != "127.0.0.1" || e.Subject.Name != p.Name {
			t.Errorf("recorded as %+v", e)
		}
	}
}

// ends are the records of sessions' ends, with what each was the end of.
func (c *cell) ends() (said []string) {
	_, all := c.records()
	for _, e := range all {
		if e.Type == events.SessionClosed {
			said = append(said, fmt.Sprintf("%s: %s of %s", e.Actor.User, all[e.Cause[0]].Reason, e.Subject.Name))
		}
	}
	return said
}

func TestTheEndOfASessionIsOnRecordWhereTheCellKnowsOfEnds(t *testing.T) {
	c := newCellAt(t, events.GateFirst)
	p, n := c.podOn("n1", c.streams("n1", func(w http.ResponseWriter, r *http.Request) { http.Error(w, "enough", http.StatusTeapot) }))
	n.report(p, events.ContainerStarted, events.Running, true)
	masters := []string{"system:masters"}
	_ = c.exec(t.Context(), "alice", masters, p.Name, "exec", &corev1.PodExecOptions{Command: []string{"ls"}, Stdout: true})
	eventually(t, "the first has ended", func() bool { return c.server.sessions.Underway() == 0 })
	c.activate(http.MethodPost, "", 200)
	_ = c.exec(t.Context(), "carol", masters, p.Name, "exec", &corev1.PodExecOptions{Command: []string{"ls"}, Stdout: true})
	eventually(t, "the end of the second is on record", func() bool { return len(c.ends()) > 0 })
	if got := strings.Join(c.ends(), "; "); got != "carol: exec in container c: ls of on-n1" {
		t.Errorf("on record: %s", got)
	}
}

func TestAServerThatEndsRecordsTheEndOfItsSessions(t *testing.T) {
	c := newCell(t)
	opened, release := make(chan struct{}), make(chan struct{})
	defer close(release) // a node goes on when its server has gone
	p, n := c.podOn("n1", c.streams("n1", func(_ http.ResponseWriter, r *http.Request) {
		close(opened)
		<-release
	}))
	n.report(p, events.ContainerStarted, events.Running, true)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = c.exec(ctx, "alice", []string{"system:masters"}, p.Name, "exec", &corev1.PodExecOptions{Command: []string{"ls"}, Stdout: true})
	}()
	defer func() { cancel(); <-ended }()
	<-opened
	closing, done := context.WithTimeout(context.Background(), 10*time.Second)
	defer done()
	c.server.Close(closing)
	if got := strings.Join(c.ends(), "; "); got != "alice: exec in container c: ls of on-n1" {
		t.Errorf("on record: %s", got)
	}
}

// mute is a cell whose ledger takes no records of sessions.
type mute struct{ follower.Cell }

func (m mute) Write(ctx context.Context, e *events.Event) (follower.Written, error) {
	if e.Type == events.SessionOpened {
		return follower.Written{}, ledger.ErrUnreachable
	}
	return m.Cell.Write(ctx, e)
}

func TestASessionThatCannotBeRecordedIsRefused(t *testing.T) {
	c := newCell(t)
	c.startOver(mute{c.view})
	asked := make(chan string, 8)
	p, n := c.podOn("n1", c.streams("n1", func(w http.ResponseWriter, r *http.Request) { asked <- r.URL.Path }))
	n.report(p, events.ContainerStarted, events.Running, true)
	ls := &corev1.PodExecOptions{Command: []string{"ls"}, Stdout: true}
	if err := c.exec(t.Context(), "alice", []string{"system:masters"}, p.Name, "exec", ls); err == nil || !strings.Contains(err.Error(), "the ledger does not answer") {
		t.Errorf("not refused: %v", err)
	}
	if len(asked) > 0 {
		t.Errorf("the node was asked for %s", <-asked)
	}
}

func TestDeniedSessionsAndReadsOfLogsAreCounted(t *testing.T) {
	c := newCell(t)
	p, n := c.podOn("n1", c.streams("n1", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "a line") }))
	n.report(p, events.ContainerStarted, events.Running, true)
	grant(t, c.admin(), "bob", "pods")
	if err := c.exec(t.Context(), "bob", nil, p.Name, "exec", &corev1.PodExecOptions{Command: []string{"ls"}, Stdout: true}); err == nil {
		t.Error("bob got in")
	}
	eventually(t, "the denial is on record", func() bool {
		list := c.sessions(events.RequestRefused)
		return len(list) == 1 && list[0].Actor.User == "bob" && list[0].Subject.Name == p.Name && list[0].Facts.Denial.Status == 403 && list[0].Facts.Denial.Verb == "get exec"
	})
	if list := c.sessions(events.SessionOpened); len(list) != 0 {
		t.Errorf("a session was recorded: %+v", list[0])
	}
	for range 5 {
		out, err := c.admin().CoreV1().Pods("default").GetLogs(p.Name, &corev1.PodLogOptions{}).DoRaw(t.Context())
		if err != nil || string(out) != "a line" {
			t.Fatal(string(out), err)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	must(t, c.server.Close(ctx)) // which writes what was counted
	times := uint64(0)
	list := c.sessions(events.SessionOpened)
	for _, e := range list {
		times += e.Facts.Denial.Count
		if e.Reason != "log of container c" || e.UID != string(p.UID) || e.Actor.User != "alice" {
			t.Errorf("recorded as %+v", e)
		}
	}
	if times != 5 || len(list) != 2 {
		t.Errorf("%d reads in %d records, want 5 in 2", times, len(list))
	}
}
