package daemon

import (
	"context"
	"fmt"
	"net/netip"

	corev1 "k8s.io/api/core/v1"

	"cairn/events"
	"cairn/events/feed"
	"cairn/nodes/lifecycle"
	"cairn/nodes/runtime"
)

// makeSandbox makes the pod's sandbox and gives it its address.
func (w *worker) makeSandbox(ctx context.Context) {
	d, a, o := w.d, w.a, w.objects
	if addr, ok := podAddr(w.spec, a.Address); ok {
		w.attached = addr.String() // noted before it is: so it is taken back after a crash
		w.save()
	}
	w.beside(func() {
		var s runtime.Sandbox
		var err error
		if o == nil {
			o, err = d.fetch(ctx, a, a.Revision)
		}
		if err == nil {
			s, err = d.makeSandbox(ctx, w.pod, a, o)
		}
		if d.ctx.Err() != nil {
			return
		}
		w.post(func() { w.sandboxDone(o, s, err) })
	})
}

func (d *Daemon) makeSandbox(ctx context.Context, pod runtime.Pod, a feed.Assignment, o *objects) (runtime.Sandbox, error) {
	reg, _ := d.known()
	s, err := pod.MakeSandbox(ctx, &o.Objects, reg.DNSAddress)
	if err != nil {
		return s, err
	}
	if addr, ok := podAddr(o.Pod, a.Address); ok {
		if err := d.cfg.Network.Attach(ctx, s.NetworkNamespace(), addr); err != nil {
			return s, fmt.Errorf("give the pod its address %s: %w", addr, err)
		}
	}
	return s, nil
}

func (w *worker) sandboxDone(o *objects, s runtime.Sandbox, err error) {
	if s != (runtime.Sandbox{}) {
		w.sandbox, w.attended = s, true
	}
	if err != nil {
		w.objects = nil // what was missing may be there when it is fetched anew
		f := asFailure(err, "FailedCreatePodSandBox", events.SandboxFailed)
		w.handle(lifecycle.Event{What: lifecycle.SandboxFailed, Reason: f.Reason, Message: f.Error()})
		w.log.Warn("sandbox is not made", "reason", f.Reason, "err", f.Err)
		w.report(f.Report, nil, events.Incident{Reason: f.Reason, Message: f.Error(), Warning: true})
		return
	}
	w.objects = o
	w.handle(lifecycle.Event{What: lifecycle.SandboxMade})
	w.report(events.SandboxCreated, nil, events.Incident{Reason: "SandboxCreated", Message: "Pod sandbox with address " + w.spec.Status.PodIP + " is ready"})
	w.watchSandbox()
}

// podAddr is the address of a pod with a network of its own.
func podAddr(pod *corev1.Pod, address string) (netip.Addr, bool) {
	if pod.Spec.HostNetwork {
		return netip.Addr{}, false
	}
	addr, err := netip.ParseAddr(address)
	return addr, err == nil
}
