package probes

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/clock"
)

// Target is how to reach one container.
type Target struct {
	Clock   clock.WithDelayedExecution
	Address string // the pod's
	Ports   []corev1.ContainerPort
	// Dial connects from the pod's network.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Exec runs a command in the container: its exit code and its output.
	Exec func(ctx context.Context, command []string) (code int, output []byte, err error)
}

// Result is one thing worth reporting: a verdict, or that a streak of failures
// has begun (Undecided).
type Result struct {
	Kind    Kind
	Verdict Verdict
	Message string // of the last failure
	Grace   int64  // seconds, from the probe; 0: the pod's
}

// Past is what is known of a container when a probe of it begins.
type Past struct {
	Verdict Verdict   // holds already, from an earlier daemon; Undecided: the kind's own
	Started time.Time // of the container
}

// Run asks until ctx ends, or, for a startup probe, until its first verdict.
func Run(ctx context.Context, k Kind, p *corev1.Probe, t Target, past Past, report func(Result)) {
	c := NewCounter(k, int(orDefault(p.FailureThreshold, 3)), int(orDefault(p.SuccessThreshold, 1)))
	c.Assume(past.Verdict)
	timeout := time.Duration(orDefault(p.TimeoutSeconds, 1)) * time.Second
	pace := NewPace(k, time.Duration(p.InitialDelaySeconds)*time.Second, time.Duration(orDefault(p.PeriodSeconds, 10))*time.Second, past.Verdict)
	for wait := pace.First(t.Clock.Since(past.Started)); t.sleep(ctx, wait); {
		err := t.askWithin(ctx, timeout, &p.ProbeHandler)
		if ctx.Err() != nil {
			return
		}
		ran := t.Clock.Since(past.Started)
		var counts bool
		if counts, wait = pace.Next(err == nil, ran); !counts {
			continue
		}
		v, worth := c.Observe(err == nil, pace.Early(ran))
		if v != Undecided || worth {
			report(result(k, p, v, err))
		}
		if k == Startup && v != Undecided {
			return
		}
	}
}

func result(k Kind, p *corev1.Probe, v Verdict, err error) Result {
	r := Result{Kind: k, Verdict: v}
	if err != nil {
		r.Message = err.Error()
	}
	if p.TerminationGracePeriodSeconds != nil {
		r.Grace = *p.TerminationGracePeriodSeconds
	}
	return r
}

func orDefault(v, def int32) int32 {
	if v <= 0 {
		return def
	}
	return v
}

func (t Target) sleep(ctx context.Context, d time.Duration) bool {
	timer := t.Clock.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C():
		return true
	}
}

func (t Target) askWithin(ctx context.Context, d time.Duration, h *corev1.ProbeHandler) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	timer := t.Clock.AfterFunc(d, func() { cancel(context.DeadlineExceeded) })
	defer timer.Stop()
	return t.Ask(ctx, h)
}

// maxOutput is how much of an answer is kept for the message, in bytes.
const maxOutput = 1 << 10

// Ask asks once; nil means healthy.
func (t Target) Ask(ctx context.Context, h *corev1.ProbeHandler) error {
	switch {
	case h.Exec != nil:
		code, out, err := t.Exec(ctx, h.Exec.Command)
		if ctx.Err() != nil {
			return fmt.Errorf("command timed out")
		}
		if err != nil {
			return err
		}
		if code != 0 {
			return fmt.Errorf("command ended with code %d: %s", code, clip(out))
		}
		return nil
	case h.HTTPGet != nil:
		return t.get(ctx, h.HTTPGet)
	case h.TCPSocket != nil:
		port, err := t.port(h.TCPSocket.Port)
		if err != nil {
			return err
		}
		c, err := t.Dial(ctx, "tcp", net.JoinHostPort(t.host(h.TCPSocket.Host), port))
		if err != nil {
			return err
		}
		return c.Close()
	}
	return errors.New("this kind of probe is not done by this node (exec, httpGet and tcpSocket are)")
}

func (t Target) host(h string) string {
	if h == "" {
		return t.Address
	}
	return h
}

// port resolves a port by number or by its name in the container.
func (t Target) port(p intstr.IntOrString) (string, error) {
	if p.Type == intstr.Int {
		return strconv.Itoa(int(p.IntVal)), nil
	}
	for _, c := range t.Ports {
		if c.Name == p.StrVal {
			return strconv.Itoa(int(c.ContainerPort)), nil
		}
	}
	if _, err := strconv.ParseUint(p.StrVal, 10, 16); err == nil {
		return p.StrVal, nil
	}
	return "", fmt.Errorf("container has no port named %q", p.StrVal)
}

// get asks over HTTP: any answer from 200 to 399 is healthy; redirects are not
// followed, and certificates not checked, as in Kubernetes.
func (t Target) get(ctx context.Context, h *corev1.HTTPGetAction) error {
	port, err := t.port(h.Port)
	if err != nil {
		return err
	}
	u := url.URL{Scheme: strings.ToLower(string(h.Scheme)), Host: net.JoinHostPort(t.host(h.Host), port)}
	if u.Scheme == "" {
		u.Scheme = "http"
	}
	ref, err := url.Parse(h.Path)
	if err != nil {
		return fmt.Errorf("path %q: %w", h.Path, err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.ResolveReference(&url.URL{Path: "/" + strings.TrimPrefix(ref.Path, "/"), RawQuery: ref.RawQuery}).String(), nil)
	if err != nil {
		return err
	}
	req.Header.Set("User-Agent", "cairn-probe")
	req.Header.Set("Accept", "*/*")
	for _, kv := range h.HTTPHeaders {
		if strings.EqualFold(kv.Name, "Host") {
			req.Host = kv.Value
			continue
		}
		req.Header.Add(kv.Name, kv.Value)
	}
	client := &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{DialContext: t.Dial, DisableKeepAlives: true, DisableCompression: true,
			TLSClientConfig: &tls.Config{InsecureSkipVerify: true}},
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(io.LimitReader(resp.Body, maxOutput))
	if resp.StatusCode < 200 || resp.StatusCode >= 400 {
		return fmt.Errorf("HTTP status %d: %s", resp.StatusCode, clip(body))
	}
	return nil
}

func clip(b []byte) string {
	return strings.TrimSpace(string(b[:min(len(b), maxOutput)]))
}
