package daemon

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"

	"cairn/events"
	"cairn/events/feed"
	"cairn/nodes/lifecycle"
	"cairn/nodes/runtime"
)

// notes are what a new daemon must know of a pod. They hold no secret.
type notes struct {
	Assignment  feed.Assignment
	Offset      events.Offset
	Gone        bool `json:",omitempty"`
	Pod         *corev1.Pod
	State       lifecycle.State
	Started     time.Time
	Sandbox     runtime.Sandbox
	Attached    string            `json:",omitempty"`
	StopSignals map[string]string `json:",omitempty"`
	Status      *corev1.PodStatus `json:",omitempty"` // last reported
}

func loadNotes(pod runtime.Pod, uid string) (notes, error) {
	var n notes
	b, err := pod.Load()
	if err != nil {
		return n, err
	}
	if err := json.Unmarshal(b, &n); err != nil {
		return n, fmt.Errorf("the notes of pod %s are damaged: %w", uid, err)
	}
	if n.Assignment.UID != uid {
		return n, fmt.Errorf("the notes of pod %s speak of another pod (%q)", uid, n.Assignment.UID)
	}
	return n, nil
}

// recall sets w to what an earlier daemon noted.
func (w *worker) recall(n notes) {
	w.a, w.offset, w.gone, w.spec, w.started = n.Assignment, n.Offset, n.Gone, n.Pod, n.Started
	w.sandbox, w.attached, w.status = n.Sandbox, n.Attached, n.Status
	w.fetched = version(n.Assignment)
	if n.StopSignals != nil {
		w.signals = n.StopSignals
	}
	w.machine = lifecycle.Resume(lifecycle.Of(w.spec), n.State)
}

// save writes down what a new daemon must know, if it changed.
func (w *worker) save() {
	if w.machine == nil {
		return
	}
	b, err := json.Marshal(notes{
		Assignment: w.a, Offset: w.offset, Gone: w.gone, Pod: w.spec, State: w.machine.State, Started: w.started,
		Sandbox: w.sandbox, Attached: w.attached, StopSignals: w.signals, Status: w.status,
	})
	if err == nil && !bytes.Equal(b, w.written) {
		err = w.pod.Save(b)
		w.written = b
	}
	if err != nil {
		w.log.Error("write down the pod's state: a restart of the daemon would not know it", "err", err)
	}
}

// forget drops the last trace of a pod whose end was reported and heard.
func (w *worker) forget() {
	if err := w.pod.Forget(); err != nil {
		w.log.Error("remove the pod's notes", "err", err)
	}
}
