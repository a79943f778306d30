package streaming

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/portforward"
	"k8s.io/client-go/tools/remotecommand"
	"k8s.io/client-go/transport/spdy"
	utilexec "k8s.io/client-go/util/exec"

	"cairn/nodes/crilog"
	"cairn/nodes/runtime"
)

type fake struct {
	log  string
	live atomic.Bool
	dial string
}

func (f *fake) Container(ns, pod, uid, c string) (Container, error) {
	if c != "web" {
		return nil, fmt.Errorf("container %q: %w", c, ErrNotFound)
	}
	return f, nil
}

func (f *fake) Dial(ctx context.Context, ns, pod, uid string, port int32) (net.Conn, error) {
	if port != 80 {
		return nil, errors.New("connection refused")
	}
	return (&net.Dialer{}).DialContext(ctx, "tcp", f.dial)
}

func (f *fake) Exec(ctx context.Context, cmd []string, s runtime.Streams) (int, error) {
	if s.TTY {
		z := <-s.Resize
		fmt.Fprintf(s.Stdout, "%dx%d", z.Width, z.Height)
		return 0, nil
	}
	in, _ := io.ReadAll(s.Stdin)
	fmt.Fprintf(s.Stdout, "%v got %s", cmd, in)
	fmt.Fprint(s.Stderr, "oops")
	return 3, nil
}

func (f *fake) Attach(ctx context.Context, s runtime.Streams) error {
	fmt.Fprint(s.Stdout, "attached")
	return nil
}

func (f *fake) Log(previous bool) (string, func() bool, error) {
	if previous {
		return "", nil, errors.New("previous terminated container not found")
	}
	return f.log, f.live.Load, nil
}

func serve(t *testing.T, f *fake) string {
	t.Helper()
	srv := httptest.NewServer(Handler(f))
	t.Cleanup(srv.Close)
	return srv.URL
}

func logFile(t *testing.T, lines ...string) (*fake, *crilog.Writer) {
	t.Helper()
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	f := &fake{log: filepath.Join(t.TempDir(), "0.log")}
	w, err := crilog.Open(f.log, crilog.Default, func() time.Time { at = at.Add(time.Second); return at })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	for _, l := range lines {
		s, text, _ := strings.Cut(l, ":")
		if err := w.Append(map[string]crilog.Stream{"o": crilog.Stdout, "e": crilog.Stderr, "p": crilog.Stdout}[s], s == "p", []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	return f, w
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	r, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r.StatusCode, string(b)
}

func TestLogsAreTailedFilteredAndFollowed(t *testing.T) {
	f, w := logFile(t, "o:one", "e:two", "p:three ", "o:and a half", "o:four")
	base := serve(t, f) + "/containerLogs/ns/pod/web"
	for query, want := range map[string]string{
		"":                                "one\ntwo\nthree and a half\nfour\n",
		"?tailLines=0":                    "",
		"?tailLines=1":                    "four\n",
		"?tailLines=2":                    "three and a half\nfour\n",
		"?tailLines=99":                   "one\ntwo\nthree and a half\nfour\n",
		"?stream=Stderr":                  "two\n",
		"?limitBytes=5":                   "one\nt",
		"?sinceTime=2026-01-02T03:04:10Z": "four\n",
		"?tailLines=1&timestamps=true":    "2026-01-02T03:04:10.000000000Z four\n",
	} {
		if code, got := get(t, base+query); code != 200 || got != want {
			t.Errorf("%s: %d %q, want %q", query, code, got, want)
		}
	}
	for query, want := range map[string]int{"?previous=true": 400, "?tailLines=x": 400} {
		if code, _ := get(t, base+query); code != want {
			t.Errorf("%s: %d, want %d", query, code, want)
		}
	}
	if code, _ := get(t, strings.Replace(base, "/web", "/other", 1)); code != 404 {
		t.Errorf("unknown container: %d", code)
	}
	f.live.Store(true)
	r, err := http.Get(base + "?follow=true&tailLines=1")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	lines := bufio.NewReader(r.Body)
	for _, want := range []string{"four\n", "five\n"} {
		if got, err := lines.ReadString('\n'); got != want {
			t.Errorf("followed %q, %v; want %q", got, err, want)
		}
		if err := w.Append(crilog.Stdout, false, []byte("five")); err != nil {
			t.Fatal(err)
		}
	}
	f.live.Store(false)
	if rest, err := io.ReadAll(lines); err != nil || string(rest) != "five\n" {
		t.Errorf("the rest is %q, %v", rest, err)
	}
}

func TestATailLongerThanABlockIsFound(t *testing.T) {
	f, w := logFile(t)
	for i := range 4000 {
		if err := w.Append(crilog.Stdout, false, []byte(fmt.Sprintf("%06d %s", i, strings.Repeat("x", 60)))); err != nil {
			t.Fatal(err)
		}
	}
	_, got := get(t, serve(t, f)+"/containerLogs/ns/pod/web?tailLines=2500")
	if n := strings.Count(got, "\n"); n != 2500 || !strings.HasPrefix(got, "001500 ") {
		t.Errorf("%d lines from %.7q", n, got)
	}
}

func executor(t *testing.T, u string) remotecommand.Executor {
	t.Helper()
	parsed, err := url.Parse(u)
	if err != nil {
		t.Fatal(err)
	}
	ex, err := remotecommand.NewSPDYExecutor(&rest.Config{}, "POST", parsed)
	if err != nil {
		t.Fatal(err)
	}
	return ex
}

type sizes struct {
	c chan remotecommand.TerminalSize
}

func (s sizes) Next() *remotecommand.TerminalSize {
	z, ok := <-s.c
	if !ok {
		return nil
	}
	return &z
}

func TestExecGivesStreamsAndTheExitCode(t *testing.T) {
	base := serve(t, &fake{})
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	var out, errOut strings.Builder
	err := executor(t, base+"/exec/ns/pod/web?command=cat&command=-n&input=1&output=1&error=1").StreamWithContext(ctx,
		remotecommand.StreamOptions{Stdin: strings.NewReader("typed"), Stdout: &out, Stderr: &errOut})
	var code utilexec.CodeExitError
	if !errors.As(err, &code) || code.Code != 3 || out.String() != "[cat -n] got typed" || errOut.String() != "oops" {
		t.Errorf("%v, %q, %q", err, out.String(), errOut.String())
	}
	out.Reset()
	z := sizes{make(chan remotecommand.TerminalSize, 1)}
	z.c <- remotecommand.TerminalSize{Width: 132, Height: 43}
	close(z.c)
	err = executor(t, base+"/exec/ns/pod/web?command=sh&input=1&output=1&tty=1").StreamWithContext(ctx,
		remotecommand.StreamOptions{Stdin: strings.NewReader(""), Stdout: &out, Tty: true, TerminalSizeQueue: z})
	if err != nil || out.String() != "132x43" {
		t.Errorf("terminal: %v, %q", err, out.String())
	}
	out.Reset()
	err = executor(t, base+"/attach/ns/pod/web?output=1").StreamWithContext(ctx, remotecommand.StreamOptions{Stdout: &out})
	if err != nil || out.String() != "attached" {
		t.Errorf("attach: %v, %q", err, out.String())
	}
}

func TestPortForwardCarriesAConnection(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { defer c.Close(); _, _ = io.Copy(c, c) }()
		}
	}()
	u, err := url.Parse(serve(t, &fake{dial: l.Addr().String()}) + "/portForward/ns/pod")
	if err != nil {
		t.Fatal(err)
	}
	rt, up, err := spdy.RoundTripperFor(&rest.Config{})
	if err != nil {
		t.Fatal(err)
	}
	stop, ready := make(chan struct{}), make(chan struct{})
	pf, err := portforward.New(spdy.NewDialer(up, &http.Client{Transport: rt}, "POST", u), []string{"0:80"}, stop, ready, io.Discard, os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- pf.ForwardPorts() }()
	select {
	case <-ready:
	case err := <-done:
		t.Fatal(err)
	}
	ports, err := pf.GetPorts()
	if err != nil {
		t.Fatal(err)
	}
	c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", ports[0].Local))
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintln(c, "ping")
	if got, err := bufio.NewReader(c).ReadString('\n'); got != "ping\n" {
		t.Errorf("%q, %v", got, err)
	}
	c.Close()
	close(stop)
	<-done
}

// certificate makes one for a name, signed by ca (itself where nil).
func certificate(t *testing.T, name string, ca *tls.Certificate) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, NotAfter: time.Now().Add(time.Hour),
		IsCA: ca == nil, BasicConstraintsValid: true, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	parent, signer := tmpl, any(key)
	if ca != nil {
		parent, signer = ca.Leaf, ca.PrivateKey
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, parent, key.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

func TestOnlyTheServersIdentityGetsIn(t *testing.T) {
	ca := certificate(t, "ca", nil)
	pool := x509.NewCertPool()
	pool.AddCert(ca.Leaf)
	f, _ := logFile(t, "o:secret log")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := Server(Allow(Handler(f), "cairn:server"), &tls.Config{
		Certificates: []tls.Certificate{certificate(t, "node", &ca)}, ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert,
	})
	go func() { _ = srv.ServeTLS(l, "", "") }()
	t.Cleanup(func() { srv.Close() })
	other := certificate(t, "other ca", nil)
	for _, c := range []struct {
		who  string
		cert *tls.Certificate
		want int // 0: no connection
	}{
		{"the server", ptr(certificate(t, "cairn:server", &ca)), 200},
		{"another node", ptr(certificate(t, "system:node:n2", &ca)), 403},
		{"a stranger with the right name", ptr(certificate(t, "cairn:server", &other)), 0},
		{"nobody", nil, 0},
	} {
		conf := &tls.Config{RootCAs: pool}
		if c.cert != nil {
			conf.Certificates = []tls.Certificate{*c.cert}
		}
		tr := &http.Transport{TLSClientConfig: conf}
		r, err := (&http.Client{Transport: tr}).Get("https://" + l.Addr().String() + "/containerLogs/ns/pod/web")
		got := 0
		if err == nil {
			got = r.StatusCode
			r.Body.Close()
		}
		tr.CloseIdleConnections()
		if got != c.want {
			t.Errorf("%s: %d, %v; want %d", c.who, got, err, c.want)
		}
	}
}

func ptr[T any](v T) *T { return &v }
