package daemon

import (
	"encoding/json"

	corev1 "k8s.io/api/core/v1"

	"cairn/events"
	"cairn/events/feed"
)

// report reports a thing that happened, with the pod's status as of now. It
// runs on the worker.
func (w *worker) report(t events.Type, then answer, incidents ...events.Incident) {
	now := w.now()
	w.status = w.statusNow(now)
	raw, err := json.Marshal(w.status)
	if err != nil {
		w.log.Error("encode status", "err", err)
		return
	}
	o := &outgoing{answer: then, r: feed.Report{
		Type: t, Namespace: w.a.Namespace, Name: w.a.Name, UID: w.a.UID,
		Status: raw, ID: newID(now, w.random).String(), Cause: []events.Offset{w.offset},
		Facts: events.Report{
			Epoch: w.a.Epoch, Feed: w.offset, AsOf: w.asOf, Happened: now.UnixNano(),
			Phase: phases[w.status.Phase], Ready: podReady(w.status), Incidents: incidents,
		},
	}}
	w.outbox.add(o)
}

var phases = map[corev1.PodPhase]events.Phase{
	corev1.PodPending: events.Pending, corev1.PodRunning: events.Running,
	corev1.PodSucceeded: events.Succeeded, corev1.PodFailed: events.Failed,
}

func podReady(st *corev1.PodStatus) bool {
	for _, c := range st.Conditions {
		if c.Type == corev1.PodReady {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}
