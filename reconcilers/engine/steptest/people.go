package steptest

import (
	"context"
	"fmt"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"cairn/events"
	"cairn/projections/view"
)

var alice = events.Actor{User: "alice", Address: "10.0.0.7"}

func refOf(o body) events.Ref {
	kind := o.GetObjectKind().GroupVersionKind().Kind
	ref := events.Ref{Kind: kindNames[kind], Namespace: o.GetNamespace(), Name: o.GetName()}
	if ref.Namespace == "" && ref.Kind != events.Namespaces && ref.Kind != events.Nodes {
		ref.Namespace = "default"
	}
	return ref
}

// Apply writes objects as a person does with kubectl: new ones, or new specs.
func (w *World) Apply(yaml string) {
	for _, doc := range strings.Split(yaml, "\n---\n") {
		o := decode([]byte(doc))
		ref := refOf(o)
		o.SetNamespace(ref.Namespace)
		c := call{ref: ref, actor: alice, in: mustJSON(o)}
		err := error(nil)
		if old, now, gone := w.read(ref); gone == nil {
			o.SetUID(now.GetUID())
			o.SetGeneration(now.GetGeneration() + 1)
			notes := now.GetAnnotations()
			for k, v := range o.GetAnnotations() {
				if notes == nil {
					notes = map[string]string{}
				}
				notes[k] = v
			}
			o.SetAnnotations(notes)
			if len(o.GetOwnerReferences()) == 0 {
				o.SetOwnerReferences(now.GetOwnerReferences())
			}
			err = w.append(c, events.ObjectUpdated, o, old)
		} else {
			err = w.create(c)
		}
		if err != nil {
			panic("steptest: apply " + ref.String() + ": " + err.Error())
		}
	}
}

// Delete ends an object as a person does with kubectl.
func (w *World) Delete(ref events.Ref, policy metav1.DeletionPropagation) error {
	options := metav1.DeleteOptions{}
	if policy != "" {
		options.PropagationPolicy = &policy
	}
	return w.delete(call{ref: ref, actor: alice, in: mustJSON(options)})
}

// AddNode joins and registers a node, or changes it.
func (w *World) AddNode(name string, facts events.Facts) {
	ref := events.Ref{Kind: events.Nodes, Name: name}
	e := &events.Event{Type: events.ObjectCreated, Subject: ref, UID: "u-" + name, Facts: facts, Parts: []events.Part{{Column: events.Spec, Data: []byte("{}")}}}
	if _, err := w.Get(ref, 0); err == nil {
		e.Type = events.ObjectUpdated
		w.must(e)
		return
	}
	w.must(e)
	w.must(&events.Event{Type: events.NodeRegistered, Subject: ref, UID: "u-" + name})
}

// Run lets every node do what it is told: pods that were placed run and are
// ready, those that are to end have ended. Pods whose name has one of the
// prefixes in slow start but don't become ready.
func (w *World) Run(slow ...string) {
	pods, _, _ := w.List(events.Pods, view.Page{})
	for _, p := range pods {
		ready := true
		for _, prefix := range slow {
			ready = ready && !strings.HasPrefix(p.Ref.Name, prefix)
		}
		w.tend(p, ready)
	}
}

// RunOne lets one pod's node do what it is told, pick(n) of n pods.
func (w *World) RunOne(pick func(n int) int) {
	pods, _, _ := w.List(events.Pods, view.Page{})
	if len(pods) > 0 {
		w.tend(pods[pick(len(pods))], true)
	}
}

// tend lets a pod's node do what it is told: start it, or end it.
func (w *World) tend(p *view.Object, ready bool) {
	switch st := p.Projected.Pod; {
	case st.Node == "" || st.Stopped || st.Lost:
	case p.Facts.Deleting != 0:
		w.report(p, events.SandboxRemoved, st.Phase, false)
	case st.Phase == events.Pending || st.Phase == events.Running && st.Ready != ready:
		w.report(p, events.ContainerStarted, events.Running, ready)
	}
}

func (w *World) report(p *view.Object, t events.Type, phase events.Phase, ready bool) {
	st := p.Projected.Pod
	w.must(&events.Event{Type: t, Subject: p.Ref, UID: p.UID, Actor: events.Actor{Node: st.Node},
		Facts: events.Facts{Report: &events.Report{Epoch: st.Epoch, Registration: st.Registration, Phase: phase, Ready: ready}}})
}

// Report lets a pod's node say that it is ready, unready, failed or succeeded.
func (w *World) Report(name, what string) error {
	p, err := w.Get(events.Ref{Kind: events.Pods, Namespace: "default", Name: name}, 0)
	if err != nil {
		return err
	}
	switch what {
	case "ready", "unready":
		w.report(p, events.ProbeRecovered, events.Running, what == "ready")
	case "failed":
		w.report(p, events.ContainerExited, events.Failed, false)
	case "succeeded":
		w.report(p, events.ContainerExited, events.Succeeded, false)
	default:
		return fmt.Errorf("a pod can't be %s", what)
	}
	return nil
}

// NodeEvent records a change of a node's health.
func (w *World) NodeEvent(name string, t events.Type) error {
	got, err := w.Write(context.Background(), &events.Event{Type: t, Subject: events.Ref{Kind: events.Nodes, Name: name}})
	if err == nil && !got.Outcome.Accepted() {
		err = fmt.Errorf("%s", got.Outcome.Reason)
	}
	return err
}
