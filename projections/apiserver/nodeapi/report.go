package nodeapi

import (
	"context"
	"encoding/json"

	"github.com/google/uuid"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"cairn/events"
	"cairn/events/feed"
)

// report appends what a node says of a pod; the fold fences old ones.
func (a *API) report(ctx context.Context, name string, r *feed.Report) (*feed.ReportAnswer, error) {
	if !r.Type.IsReport() && r.Type != events.DataplaneRebuilt {
		return nil, apierrors.NewBadRequest("type " + string(r.Type) + " is not a node's to report")
	}
	id, err := uuid.Parse(r.ID)
	if err != nil {
		return nil, apierrors.NewBadRequest("a report needs an id, a UUIDv7: " + err.Error())
	}
	ref := events.Ref{Kind: events.Pods, Namespace: r.Namespace, Name: r.Name}
	if r.Type == events.DataplaneRebuilt {
		ref = events.Ref{Kind: events.Nodes, Name: name}
	}
	e := a.Objects.NewEvent(ctx, r.Type, ref, r.UID)
	e.ID, e.Base, e.Cause = events.ID(id), r.Base, r.Cause
	e.Facts.Report = &r.Facts
	if len(r.Facts.Incidents) > 0 {
		e.Reason = r.Facts.Incidents[0].Message
	}
	if r.Type == events.DataplaneRebuilt {
		e.UID, e.Facts.Report = "", nil
	}
	if len(r.Status) > 0 && r.Type != events.DataplaneRebuilt {
		p, err := a.status(ref, r.Status)
		if err != nil {
			return nil, err
		}
		e.Parts = []events.Part{p}
	}
	w, err := a.Objects.Append(ctx, e)
	if err != nil {
		return nil, err
	}
	return &feed.ReportAnswer{Offset: w.Offset, Accepted: w.Outcome.Accepted(), Code: w.Outcome.Code.String(), Reason: w.Outcome.Reason}, nil
}

// status encodes a reported status; what the API server decided stays.
func (a *API) status(ref events.Ref, raw json.RawMessage) (events.Part, error) {
	pod := &corev1.Pod{}
	if err := json.Unmarshal(raw, &pod.Status); err != nil {
		return events.Part{}, apierrors.NewBadRequest("status is not a pod's: " + err.Error())
	}
	if o, err := a.Objects.Get(events.Pods, ref.Namespace, ref.Name, 0); err == nil {
		others(&pod.Status, &o.(*corev1.Pod).Status)
	}
	p, err := a.Objects.StatusPart(ref, pod)
	if err != nil {
		return p, apierrors.NewInternalError(err)
	}
	return p, nil
}

// nodeConditions are a node's own; others set further ones (readiness gates,
// disruptions), which a report must not take away.
var nodeConditions = map[corev1.PodConditionType]bool{corev1.PodScheduled: true, corev1.PodInitialized: true, corev1.ContainersReady: true,
	corev1.PodReady: true, corev1.PodReadyToStartContainers: true}

// others keeps what is not the node's to say.
func others(reported, now *corev1.PodStatus) {
	if reported.QOSClass == "" {
		reported.QOSClass = now.QOSClass
	}
	said := map[corev1.PodConditionType]bool{}
	for _, c := range reported.Conditions {
		said[c.Type] = true
	}
	for _, c := range now.Conditions {
		if !nodeConditions[c.Type] && !said[c.Type] {
			reported.Conditions = append(reported.Conditions, c)
		}
	}
}
