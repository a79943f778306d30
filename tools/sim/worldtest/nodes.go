package worldtest

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	corev1 "k8s.io/api/core/v1"

	"cairn/events"
	"cairn/events/feed"
	"cairn/nodes/daemon"
	"cairn/projections/view"
)

// scripted is a node without a daemon: a scenario says when it does what it was
// told. What it says goes the way that a daemon's reports go.
type scripted struct {
	api    *daemon.Client
	client *http.Client
	reg    feed.Registration
}

// HTTP is a client with a node's certificate.
func (w *World) HTTP(node string) *http.Client {
	pair, err := w.CA.Issue("system:node:"+node, "system:nodes")
	w.Must(err)
	cert, err := pair.TLS()
	w.Must(err)
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(w.CA.CertPEM())
	return &http.Client{Transport: &http.Transport{DialContext: w.network.dial, ForceAttemptHTTP2: true, ReadBufferSize: 4 << 10, WriteBufferSize: 4 << 10,
		TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: pool, Certificates: []tls.Certificate{cert}, ServerName: "localhost"}}}
}

// NodeClient is a daemon's way to the server.
func (w *World) NodeClient(node string, h *http.Client) *daemon.Client {
	return &daemon.Client{Base: "https://" + apiAddress, Node: node, HTTP: h}
}

// Node adds a node and registers it, or changes one: "n1 cpu=4000 mem=8192
// pods=110 label=zone:a taint=gpu:yes:NoSchedule unschedulable"; memory in MiB.
func (w *World) Node(line string) error {
	name, info, spec := parseNode(line)
	n := w.nodes[name]
	known := n != nil
	if !known {
		h := w.HTTP(name)
		n = &scripted{api: w.NodeClient(name, h), client: h}
		w.nodes[name] = n
	}
	ref := events.Ref{Kind: events.Nodes, Name: name}
	if !known {
		info.Taints, info.Unschedulable = spec.taints, spec.unschedulable
		var err error
		n.reg, err = n.api.Register(w.ctx, info)
		w.Settled()
		return err
	}
	taints := []any{}
	for _, t := range spec.taints {
		taints = append(taints, map[string]any{"key": t.Key, "value": t.Value, "effect": t.Effect})
	}
	return w.Patch(ref, map[string]any{"spec": map[string]any{"unschedulable": spec.unschedulable, "taints": taints}})
}

type nodeSpec struct {
	taints        []events.Taint
	unschedulable bool
}

func parseNode(line string) (name string, info feed.NodeInfo, spec nodeSpec) {
	words := strings.Fields(line)
	info = feed.NodeInfo{Name: words[0], Addresses: []string{"192.0.2.1"}, MilliCPU: 4000, MemoryBytes: 8 << 30, StorageBytes: 100 << 30, MaxPods: 110, Version: "v0",
		Labels: map[string]string{"kubernetes.io/hostname": words[0], "kubernetes.io/os": "linux"}}
	for _, word := range words[1:] {
		k, v, _ := strings.Cut(word, "=")
		num, _ := strconv.ParseUint(v, 10, 64)
		parts := append(strings.Split(v, ":"), "", "")
		switch k {
		case "cpu":
			info.MilliCPU = num
		case "mem":
			info.MemoryBytes = num << 20
		case "pods":
			info.MaxPods = num
		case "label":
			info.Labels[parts[0]] = parts[1]
		case "taint":
			spec.taints = append(spec.taints, events.Taint{Key: parts[0], Value: parts[1], Effect: parts[2]})
		case "unschedulable":
			spec.unschedulable = true
		}
	}
	return words[0], info, spec
}

// pods lists the pods as the view has them.
func (w *World) pods() []*view.Object {
	list, _, err := w.Cell.List(events.Pods, view.Page{})
	w.Must(err)
	return list
}

// RunNodes lets every scripted node do what it is told: pods that were placed
// run and are ready, those that are to end have ended. Pods whose name begins
// with one of slow start but don't become ready.
func (w *World) RunNodes(slow ...string) error {
	for _, p := range w.pods() {
		ready := true
		for _, prefix := range slow {
			ready = ready && !strings.HasPrefix(w.Shown(p.Ref.Name), prefix)
		}
		if err := w.tend(p, ready); err != nil {
			return err
		}
	}
	w.Settled()
	return nil
}

// RunOne lets one pod's node do what it is told, pick(n) of n pods.
func (w *World) RunOne(pick func(n int) int) error {
	if pods := w.pods(); len(pods) > 0 {
		return w.tend(pods[pick(len(pods))], true)
	}
	return nil
}

// tend lets a pod's node do what it is told: start it, or end it.
func (w *World) tend(p *view.Object, ready bool) error {
	switch st := p.Projected.Pod; {
	case st.Node == "" || st.Stopped || st.Lost:
	case p.Facts.Deleting != 0:
		return w.report(p, events.SandboxRemoved, st.Phase, false)
	case st.Phase == events.Pending || st.Phase == events.Running && st.Ready != ready:
		return w.report(p, events.ContainerStarted, events.Running, ready)
	}
	return nil
}

// Report lets a pod's node say that it is ready, unready, failed, succeeded or
// gone. The name may be NAMESPACE/NAME.
func (w *World) Report(name, what string) error {
	namespace, name, ok := strings.Cut(name, "/")
	if !ok {
		namespace, name = "default", namespace
	}
	p, err := w.Cell.Get(events.Ref{Kind: events.Pods, Namespace: namespace, Name: w.Real(name)}, 0)
	if err != nil {
		return fmt.Errorf("pod %s: %w", name, err)
	}
	defer w.Settled()
	switch what {
	case "ready", "unready":
		return w.report(p, events.ProbeRecovered, events.Running, what == "ready")
	case "failed":
		return w.report(p, events.ContainerExited, events.Failed, false)
	case "succeeded":
		return w.report(p, events.ContainerExited, events.Succeeded, false)
	case "gone":
		return w.report(p, events.SandboxRemoved, p.Projected.Pod.Phase, false)
	}
	return fmt.Errorf("a pod can't be %s", what)
}

func (w *World) report(p *view.Object, t events.Type, phase events.Phase, ready bool) error {
	st := p.Projected.Pod
	n := w.nodes[st.Node]
	if n == nil {
		return fmt.Errorf("node %s is not scripted", st.Node)
	}
	id, err := uuid.NewV7()
	if err != nil {
		return err
	}
	status := corev1.PodStatus{Phase: corev1.PodPhase(phase.String())}
	body, err := json.Marshal(status)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(w.ctx, time.Minute)
	defer cancel()
	a, err := n.api.Report(ctx, feed.Report{Type: t, Namespace: p.Ref.Namespace, Name: p.Ref.Name, UID: p.UID, ID: id.String(), Base: w.Cell.Position().Offset, Status: body,
		Facts: events.Report{Epoch: st.Epoch, Registration: n.reg.Offset, Phase: phase, Ready: ready, Happened: time.Now().UnixNano()}})
	if err == nil && !a.Accepted {
		err = fmt.Errorf("the report of %s was refused: %s %s", p.Ref, a.Code, a.Reason)
	}
	return err
}

// NodeEvent records a change of a node's health.
func (w *World) NodeEvent(name string, t events.Type) error {
	got, err := w.Cell.Write(w.ctx, &events.Event{Type: t, Subject: events.Ref{Kind: events.Nodes, Name: name}, Actor: events.Actor{User: "alice"}})
	if err == nil && !got.Outcome.Accepted() {
		err = fmt.Errorf("%s %v", got.Outcome.Reason, got.Outcome.Args)
	}
	w.Settled()
	return err
}
