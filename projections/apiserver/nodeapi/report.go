package nodeapi

import (
	"context"
	"encoding/json"

	"github.com/google/uuid"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"cairn/events"
	"cairn/events/feed"
	"cairn/projections/message"
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
	return &feed.ReportAnswer{Offset: w.Offset, Accepted: w.Outcome.Accepted(), Code: w.Outcome.Code.String(), Reason: message.Outcome(w.Outcome)}, nil
}

// status encodes a reported status; what others wrote of it stays.
func (a *API) status(ref events.Ref, raw json.RawMessage) (events.Part, error) {
	said := &corev1.PodStatus{}
	if err := json.Unmarshal(raw, said); err != nil {
		return events.Part{}, apierrors.NewBadRequest("status is not a pod's: " + err.Error())
	}
	p, err := a.Objects.ReportedStatus(ref, said)
	if err != nil {
		return p, apierrors.NewInternalError(err)
	}
	return p, nil
}
