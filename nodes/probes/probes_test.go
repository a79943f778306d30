package probes

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/clock"
)

func TestScenarios(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			if d.Cmd == "pace" {
				return pace(t, d)
			}
			return count(t, d)
		})
	})
}

// count shows verdicts: + healthy, - not, e not and early in its life.
func count(t *testing.T, d *datadriven.TestData) string {
	var kind string
	var failure, success int
	d.ScanArgs(t, "kind", &kind)
	d.ScanArgs(t, "failure", &failure)
	d.ScanArgs(t, "success", &success)
	c := NewCounter(Kind(kind), failure, success)
	var out strings.Builder
	for _, answer := range strings.TrimSpace(d.Input) {
		v, report := c.Observe(answer == '+', answer == 'e')
		out.WriteString(string(answer) + map[Verdict]string{Passed: " passed", Failed: " failed"}[v])
		if report {
			out.WriteString(" (report)")
		}
		out.WriteByte('\n')
	}
	return out.String()
}

// pace shows when a container is asked that becomes healthy after a while.
func pace(t *testing.T, d *datadriven.TestData) string {
	var kind string
	var period, delay int
	var up, ran, until time.Duration
	for name, to := range map[string]*time.Duration{"up": &up, "ran": &ran, "until": &until} {
		var s string
		d.MaybeScanArgs(t, name, &s)
		*to, _ = time.ParseDuration(s) // left out: 0
	}
	d.ScanArgs(t, "kind", &kind)
	d.ScanArgs(t, "period", &period)
	d.MaybeScanArgs(t, "delay", &delay)
	p := NewPace(Kind(kind), time.Duration(delay)*time.Second, time.Duration(period)*time.Second, Undecided)
	var out strings.Builder
	for at := ran + p.First(ran); at <= until; {
		counts, wait := p.Next(at >= up, at)
		fmt.Fprintf(&out, "%s %s", at, map[bool]string{true: "healthy", false: "failed"}[at >= up])
		if !counts {
			out.WriteString(", does not count")
		}
		out.WriteByte('\n')
		at += wait
	}
	return out.String()
}

func target(t *testing.T, addr string) Target {
	t.Helper()
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	return Target{Address: host, Ports: []corev1.ContainerPort{{Name: "web", ContainerPort: int32(n)}}, Dial: (&net.Dialer{}).DialContext}
}

func TestHTTPAnswersAndTheirMeaning(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/ok":
			if r.Host != "shop.example" || r.Header.Get("X-A") != "b" || r.URL.RawQuery != "q=1" {
				w.WriteHeader(400)
			}
		case "/moved":
			http.Redirect(w, r, "http://192.0.2.1/", http.StatusFound)
		default:
			http.Error(w, "broken pipe dream", 500)
		}
	}))
	defer srv.Close()
	tg := target(t, srv.Listener.Addr().String())
	ask := func(path string, port intstr.IntOrString) error {
		return tg.Ask(context.Background(), &corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Path: path, Port: port,
			HTTPHeaders: []corev1.HTTPHeader{{Name: "Host", Value: "shop.example"}, {Name: "X-A", Value: "b"}}}})
	}
	if err := ask("/ok?q=1", intstr.FromString("web")); err != nil {
		t.Error(err)
	}
	if err := ask("moved", intstr.FromString("web")); err != nil {
		t.Error(err)
	}
	if err := ask("/", intstr.FromString("web")); err == nil || !strings.Contains(err.Error(), "500: broken pipe dream") {
		t.Errorf("err = %v", err)
	}
	if err := ask("/", intstr.FromString("nowhere")); err == nil || !strings.Contains(err.Error(), `no port named "nowhere"`) {
		t.Errorf("err = %v", err)
	}
}

func TestTCPAndExec(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	tg := target(t, l.Addr().String())
	tcp := &corev1.ProbeHandler{TCPSocket: &corev1.TCPSocketAction{Port: intstr.FromString("web")}}
	if err := tg.Ask(context.Background(), tcp); err != nil {
		t.Error(err)
	}
	l.Close()
	if err := tg.Ask(context.Background(), tcp); err == nil {
		t.Error("a closed port is healthy")
	}
	code := 0
	tg.Exec = func(_ context.Context, c []string) (int, []byte, error) { return code, []byte(c[0]), nil }
	ex := &corev1.ProbeHandler{Exec: &corev1.ExecAction{Command: []string{"check"}}}
	if err := tg.Ask(context.Background(), ex); err != nil {
		t.Error(err)
	}
	if code = 2; tg.Ask(context.Background(), ex) == nil {
		t.Error("code 2 is healthy")
	}
}

func TestRunTellsVerdictsAndAStartupProbeEnds(t *testing.T) {
	answers := []error{errors.New("not yet"), errors.New("not yet"), nil}
	tg := Target{Clock: clock.RealClock{}, Exec: func(context.Context, []string) (int, []byte, error) {
		err := answers[0]
		answers = answers[1:]
		return 0, nil, err
	}}
	var reported []Result
	p := &corev1.Probe{PeriodSeconds: 1, FailureThreshold: 5, ProbeHandler: corev1.ProbeHandler{Exec: &corev1.ExecAction{}}}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	long := Past{Started: time.Now().Add(-time.Minute)}
	Run(ctx, Startup, p, tg, long, func(r Result) { reported = append(reported, r) })
	if ctx.Err() != nil || len(reported) != 2 || reported[0].Verdict != Undecided || reported[0].Message != "not yet" || reported[1].Verdict != Passed {
		t.Errorf("reported %+v", reported)
	}
}

func TestAContainerThatGetsUpIsReadySoonAndQuietly(t *testing.T) {
	asked := 0
	tg := Target{Clock: clock.RealClock{}, Exec: func(context.Context, []string) (int, []byte, error) {
		if asked++; asked < 4 {
			return 1, nil, nil
		}
		return 0, nil, nil
	}}
	p := &corev1.Probe{PeriodSeconds: 60, ProbeHandler: corev1.ProbeHandler{Exec: &corev1.ExecAction{}}}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	var reported []Result
	Run(ctx, Readiness, p, tg, Past{Started: time.Now()}, func(r Result) { reported = append(reported, r); cancel() })
	if len(reported) != 1 || reported[0].Verdict != Passed || asked != 4 {
		t.Errorf("asked %d times, reported %+v", asked, reported)
	}
}
