package serve

import (
	"context"
	"crypto/tls"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"cairn/events"
)

func TestASecondStartAppendsItsServersLifeAlone(t *testing.T) {
	c := newCell(t)
	before := c.view.Position().Offset
	since := func() (types []events.Type) {
		_, list := c.records()
		for _, e := range list[before+1:] {
			types = append(types, e.Type)
		}
		return types
	}
	died := c.server
	c.start() // as after a death: nothing said that it ended
	if list := since(); len(list) != 0 {
		t.Fatalf("appended %v", list)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	c.server.Close(ctx)
	c.start()
	if list := since(); !slices.Equal(list, []events.Type{events.ServerLeft, events.ServerRegistered}) {
		t.Fatalf("appended %v", list)
	}
	died.Close(ctx)
}

func TestDenialsAreRecordedOnceThenCounted(t *testing.T) {
	c := newCell(t)
	bob := c.client("bob")
	for range 20 {
		if _, err := bob.CoreV1().Secrets("default").List(t.Context(), metav1.ListOptions{}); !apierrors.IsForbidden(err) {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	c.server.Close(ctx) // which writes what was counted
	_, list := c.records()
	total, records := uint64(0), 0
	for _, e := range list {
		if d := e.Facts.Denial; e.Type == events.RequestRefused && e.Actor.User == "bob" && d.Verb == "list" && d.Resource == "secrets" && d.Status == 403 {
			total, records = total+d.Count, records+1
		}
	}
	if total != 20 || records != 2 {
		t.Errorf("%d denials in %d records, want 20 in 2", total, records)
	}
}

// streams is a node's streaming server, which shows a certificate of that name.
func (c *cell) streams(name string, fn http.HandlerFunc) (address string) {
	c.t.Helper()
	pair, err := c.pki.IssueServer("system:node:"+name, []string{"system:nodes"}, name)
	must(c.t, err)
	cert, err := pair.TLS()
	must(c.t, err)
	s := httptest.NewUnstartedServer(fn)
	s.TLS = &tls.Config{Certificates: []tls.Certificate{cert}, ClientCAs: c.pki.Pool(), ClientAuth: tls.RequireAndVerifyClientCert}
	s.StartTLS()
	c.t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "https://")
}

// podOn registers a node and binds a pod to it.
func (c *cell) podOn(name, streaming string) (*corev1.Pod, *node) {
	c.t.Helper()
	n, pods := c.nodeAt(name, streaming), c.admin().CoreV1().Pods("default")
	p, err := pods.Create(c.t.Context(), podOf("on-"+name), metav1.CreateOptions{})
	must(c.t, err)
	must(c.t, pods.Bind(c.t.Context(), &corev1.Binding{ObjectMeta: metav1.ObjectMeta{Name: p.Name},
		Target: corev1.ObjectReference{Kind: "Node", Name: name}}, metav1.CreateOptions{}))
	return p, n
}

func TestLogsAreFetchedFromTheNodeThatShowsItsCertificate(t *testing.T) {
	c := newCell(t)
	streams := func(name string) string {
		return c.streams(name, func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, r.TLS.PeerCertificates[0].Subject.CommonName+" asked for "+r.URL.Path)
		})
	}
	for node, address := range map[string]string{"n1": streams("n1"), "n2": streams("other")} {
		p, _ := c.podOn(node, address)
		out, err := c.admin().CoreV1().Pods("default").GetLogs(p.Name, &corev1.PodLogOptions{}).DoRaw(t.Context())
		switch {
		case node == "n1" && string(out) != "cairn-server asked for /containerLogs/default/on-n1/c":
			t.Errorf("%s %v", out, err)
		case node == "n2" && err == nil:
			t.Errorf("logs taken from a machine that is not the node: %s", out)
		}
	}
}

func TestCloseEndsWatchesAtOnceAndLetsWritesFinish(t *testing.T) {
	c := newCell(t)
	maps := c.admin().CoreV1().ConfigMaps("default")
	w, err := maps.Watch(t.Context(), metav1.ListOptions{})
	must(t, err)
	defer w.Stop()
	next(t, w)
	outcome := make(chan error, 8)
	for i := range cap(outcome) {
		go func() {
			_, err := maps.Create(t.Context(), configMap(string(rune('a'+i)), "1"), metav1.CreateOptions{})
			outcome <- err
		}()
	}
	must(t, <-outcome)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	must(t, c.server.Close(ctx))
	for open := true; open; {
		_, open = <-w.ResultChan()
	}
	acknowledged := 1
	for range cap(outcome) - 1 {
		if <-outcome == nil {
			acknowledged++
		}
	}
	made := 0
	_, list := c.records()
	for _, e := range list {
		if e.Type == events.ObjectCreated && e.Actor.User == "alice" {
			made++
		}
	}
	if made < acknowledged {
		t.Errorf("%d creations were acknowledged, %d are on record", acknowledged, made)
	}
}
