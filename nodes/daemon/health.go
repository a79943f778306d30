package daemon

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	corev1 "k8s.io/api/core/v1"

	"cairn/events"
	"cairn/nodes/lifecycle"
	"cairn/nodes/probes"
	"cairn/nodes/runtime"
)

// target is one run of a container, as hooks and probes reach it.
type target struct {
	probes.Target
	pause func(context.Context, time.Duration) bool
}

func (w *worker) target(r runtime.Run) target {
	pod, from := w.pod, w.network()
	return target{pause: w.d.pause, Target: probes.Target{
		Clock: w.d.cfg.Clock, Address: w.spec.Status.PodIP, Ports: w.container(r.Container).Ports,
		Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
			return pod.Dial(ctx, from, network, address)
		},
		Exec: func(ctx context.Context, command []string) (int, []byte, error) {
			var out bounded
			code, err := pod.Exec(ctx, r, command, runtime.Streams{Stdout: &out, Stderr: &out})
			return code, out.b.Bytes(), err
		},
	}}
}

// bounded keeps the first 10 KiB written to it.
type bounded struct{ b bytes.Buffer }

func (w *bounded) Write(p []byte) (int, error) {
	if room := 10<<10 - w.b.Len(); room > 0 {
		w.b.Write(p[:min(len(p), room)])
	}
	return len(p), nil
}

// hook runs a lifecycle hook.
func (t target) hook(ctx context.Context, h *corev1.LifecycleHandler) error {
	if h.Sleep != nil {
		if !t.pause(ctx, time.Duration(h.Sleep.Seconds)*time.Second) {
			return ctx.Err()
		}
		return nil
	}
	if h.Exec == nil && h.HTTPGet == nil {
		return errors.New("this kind of hook is not done by this node (exec, httpGet and sleep are)")
	}
	return t.Ask(ctx, &corev1.ProbeHandler{Exec: h.Exec, HTTPGet: h.HTTPGet})
}

// afterStart runs the postStart hook and then begins to probe.
func (w *worker) afterStart(r runtime.Run) {
	spec := w.container(r.Container)
	ctx, cancel := context.WithCancel(w.d.ctx)
	w.probing[r.Container] = cancel
	if spec.Lifecycle == nil || spec.Lifecycle.PostStart == nil {
		w.probe(ctx, r)
		return
	}
	t := w.target(r)
	w.beside(func() {
		err := t.hook(ctx, spec.Lifecycle.PostStart)
		w.post(func() {
			switch {
			case ctx.Err() != nil:
			case err == nil:
				w.probe(ctx, r)
			default:
				w.unhealthy(r, "FailedPostStartHook", fmt.Sprintf("PostStartHook failed: %v", err), 0)
			}
		})
	})
}

// probe begins the probes of a run: startup first, the others when it passed.
func (w *worker) probe(ctx context.Context, r runtime.Run) {
	spec, s := w.container(r.Container), w.state(r.Container)
	if spec.StartupProbe != nil && !s.Passed {
		w.probeOne(ctx, r, probes.Startup, spec.StartupProbe, probes.Past{Started: s.Started})
		return
	}
	if spec.LivenessProbe != nil {
		w.probeOne(ctx, r, probes.Liveness, spec.LivenessProbe, probes.Past{Started: s.Started})
	}
	if spec.ReadinessProbe != nil {
		past := probes.Past{Started: s.Started}
		if s.Ready {
			past.Verdict = probes.Passed
		}
		w.probeOne(ctx, r, probes.Readiness, spec.ReadinessProbe, past)
	}
}

func (w *worker) probeOne(ctx context.Context, r runtime.Run, k probes.Kind, p *corev1.Probe, past probes.Past) {
	t := w.target(r).Target
	w.beside(func() {
		probes.Run(ctx, k, p, t, past, func(res probes.Result) {
			w.post(func() {
				if ctx.Err() == nil && w.current(r.Container) == r {
					w.probed(ctx, r, res)
				}
			})
		})
	})
}

// noteEvery bounds how often failing probes of one container are reported when
// nothing changes by them: a flapping probe must not fill the ledger.
const noteEvery = 5 * time.Minute

func (w *worker) probed(ctx context.Context, r runtime.Run, res probes.Result) {
	c := r.Container
	if w.state(c).Phase != lifecycle.Running {
		return // it is being stopped: that it answers badly is no news
	}
	text := fmt.Sprintf("%s probe failed: %s", title(res.Kind), res.Message)
	switch {
	case res.Verdict == probes.Undecided:
		if w.now().Sub(w.noted[c]) < noteEvery {
			return
		}
		w.noted[c] = w.now()
		w.report(events.ProbeFailed, nil, events.Incident{Reason: "Unhealthy", Message: text, Container: c, Warning: true})
	case res.Verdict == probes.Passed && res.Kind == probes.Startup:
		w.handle(lifecycle.Event{What: lifecycle.StartupPassed, Container: c})
		w.probe(ctx, r)
	case res.Verdict == probes.Passed && res.Kind == probes.Readiness:
		_, failed := w.noted[c+" unready"]
		w.handle(lifecycle.Event{What: lifecycle.BecameReady, Container: c})
		if failed {
			delete(w.noted, c+" unready")
			w.report(events.ProbeRecovered, nil, events.Incident{Reason: "Ready", Message: "Readiness probe succeeds again", Container: c})
		}
	case res.Verdict == probes.Failed && res.Kind == probes.Readiness:
		w.noted[c+" unready"] = w.now()
		w.handle(lifecycle.Event{What: lifecycle.BecameUnready, Container: c})
		w.report(events.ProbeFailed, nil, events.Incident{Reason: "Unhealthy", Message: text, Container: c, Warning: true})
	case res.Verdict == probes.Failed:
		w.unhealthy(r, "Unhealthy", text, time.Duration(res.Grace)*time.Second)
	}
}

func title(k probes.Kind) string {
	return map[probes.Kind]string{probes.Liveness: "Liveness", probes.Readiness: "Readiness", probes.Startup: "Startup"}[k]
}

// unhealthy has a container stopped and, by its policy, started again.
func (w *worker) unhealthy(r runtime.Run, reason, text string, grace time.Duration) {
	if grace == 0 {
		grace = w.machine.Spec.Grace
	}
	w.handle(lifecycle.Event{What: lifecycle.Unhealthy, Container: r.Container, Message: text, Grace: grace})
	w.report(events.ProbeFailed, nil, events.Incident{Reason: reason, Message: text, Container: r.Container, Warning: true})
}
