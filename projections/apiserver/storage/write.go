package storage

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/endpoints/request"
	"k8s.io/apiserver/pkg/storage"

	"cairn/events"
	"cairn/projections/apiserver/calls"
	"cairn/projections/apiserver/kinds"
	"cairn/projections/fold"
	"cairn/projections/follower"
	"cairn/projections/view"
)

// retries bounds how often an update that lost a race is tried again.
const retries = 64

// Create appends object.created and reads the answer from the view.
func (s *Kind) Create(ctx context.Context, key string, obj, out runtime.Object, _ uint64) error {
	if rv, err := versioner.ObjectResourceVersion(obj); err == nil && rv != 0 {
		return storage.ErrResourceVersionSetOnCreate
	}
	ref, err := s.ref(key)
	if err != nil {
		return err
	}
	if err := s.writable(ctx, ref); err != nil {
		return err
	}
	if _, err := s.cell.Get(ref, 0); err == nil {
		// Answered without a record, so only from a view past a read point.
		if err := s.settle(ctx); err != nil {
			return err
		}
		if _, err := s.cell.Get(ref, 0); err == nil {
			return storage.NewKeyExistsError(key, 0)
		}
	}
	in, err := versioned(s.kind, obj)
	if err != nil {
		return apierrors.NewInternalError(err)
	}
	if s.kind.Keep != nil {
		s.kind.Keep(in, nil, nil)
	}
	e := s.event(ctx, events.ObjectCreated, ref, string(in.GetUID()))
	e.Facts = s.kind.FactsOf(in)
	spec, status := split(s.kind, in)
	if err := s.attach(e, ref, events.Spec, spec); err != nil {
		return err
	}
	if status != nil && !zeroStatus(status) {
		if err := s.attach(e, ref, events.Status, status); err != nil {
			return err
		}
	}
	w, err := s.append(ctx, e)
	if err != nil {
		return err
	}
	if !w.Outcome.Accepted() {
		return refusal(s.kind, key, e, w)
	}
	return s.answer(ref, w, in, out)
}

func (s *Kind) attach(e *events.Event, ref events.Ref, c events.Column, o kinds.Object) error {
	p, _, err := s.part(s.kind, ref, c, o)
	if err != nil {
		return apierrors.NewInternalError(err)
	}
	e.Parts = append(e.Parts, p)
	return nil
}

// writable notes what the request is about, and refuses writes to the past and
// to what has no rows.
func (s *Kind) writable(ctx context.Context, ref events.Ref) error {
	calls.From(ctx).Subject.Store(&ref)
	if moment(ctx) != 0 {
		return apierrors.NewMethodNotSupported(s.kind.Resource(), "write the past of")
	}
	if s.synth[s.kind.Name] != nil || s.kind.Name == events.Events {
		return apierrors.NewForbidden(s.kind.Resource(), ref.Name, errors.New("it is rendered from the ledger and can't be written"))
	}
	return nil
}

// NewEvent starts a record of the request of ctx about ref.
func (e *Engine) NewEvent(ctx context.Context, t events.Type, ref events.Ref, uid string) *events.Event {
	c := calls.From(ctx)
	return &events.Event{ID: events.ID(uuid.Must(uuid.NewV7())), Type: t, Subject: ref, UID: uid, Actor: calls.Actor(ctx),
		Cause: c.Causes, Reason: c.Reason, Claimed: e.now().UnixNano()}
}

func (s *Kind) event(ctx context.Context, t events.Type, ref events.Ref, uid string) *events.Event {
	return s.NewEvent(ctx, t, ref, uid)
}

// Append writes a record and waits for its outcome. Its error is one for clients.
func (e *Engine) Append(ctx context.Context, ev *events.Event) (follower.Written, error) {
	if err := e.spend(ctx); err != nil {
		return follower.Written{}, err
	}
	w, err := e.cell.Write(ctx, ev)
	if err != nil {
		return w, e.failed(e.kinds[ev.Subject.Kind], ev, err)
	}
	calls.From(ctx).Appended.Store(true)
	if w.Outcome.Accepted() {
		e.touched(ev.Subject.Kind, w.Revision)
	}
	return w, nil
}

func (s *Kind) append(ctx context.Context, e *events.Event) (follower.Written, error) {
	return s.Append(ctx, e)
}

// answer reads what the record made of ref. An object that the same record
// removed is answered as it was written.
func (s *Kind) answer(ref events.Ref, w follower.Written, written kinds.Object, out runtime.Object) error {
	if out == nil {
		return nil
	}
	o, err := s.cell.Get(ref, w.Revision)
	if IsNotFound(err) {
		s.stamp(s.kind, written, w.Revision)
		return internal(written, out)
	}
	if err != nil {
		return apierrors.NewInternalError(err)
	}
	obj, err := s.Object(o)
	if err != nil {
		return apierrors.NewInternalError(err)
	}
	return internal(obj, out)
}

// GuaranteedUpdate applies try to the object as it is now, and appends what
// changed under the precondition that nobody wrote it since; else again.
func (s *Kind) GuaranteedUpdate(ctx context.Context, key string, dest runtime.Object, ignoreNotFound bool,
	pre *storage.Preconditions, try storage.UpdateFunc, _ runtime.Object) error {
	ref, err := s.ref(key)
	if err != nil {
		return err
	}
	if err := s.writable(ctx, ref); err != nil {
		return err
	}
	if err := s.settle(ctx); err != nil {
		return err
	}
	for range retries {
		o, err := s.cell.Get(ref, 0)
		if IsNotFound(err) {
			if !ignoreNotFound {
				return storage.NewKeyNotFoundError(key, 0)
			}
			return s.createByUpdate(ctx, key, dest, try)
		}
		if err != nil {
			return apierrors.NewInternalError(err)
		}
		again, err := s.update(ctx, key, o, dest, pre, try)
		if !again {
			return err
		}
	}
	return apierrors.NewConflict(s.kind.Resource(), ref.Name, fmt.Errorf("others wrote it %d times meanwhile; try again", retries))
}

func (s *Kind) createByUpdate(ctx context.Context, key string, dest runtime.Object, try storage.UpdateFunc) error {
	out, _, err := try(s.newFunc(), storage.ResponseMeta{})
	if err != nil {
		return err
	}
	return s.Create(ctx, key, out, dest, 0)
}

// update makes one attempt; again tells that it lost a race.
func (s *Kind) update(ctx context.Context, key string, o *view.Object, dest runtime.Object,
	pre *storage.Preconditions, try storage.UpdateFunc) (again bool, err error) {
	shown, stored, err := s.render(o)
	if err != nil {
		return false, apierrors.NewInternalError(err)
	}
	in := s.newFunc()
	if err := internal(shown, in); err != nil {
		return false, apierrors.NewInternalError(err)
	}
	if err := pre.Check(key, in); err != nil {
		return false, err
	}
	out, _, err := try(in, storage.ResponseMeta{ResourceVersion: uint64(o.Revision)})
	if err != nil {
		return false, err
	}
	want, err := versioned(s.kind, out)
	if err != nil {
		return false, apierrors.NewInternalError(err)
	}
	e, err := s.change(ctx, o, shown, stored, want)
	if err != nil {
		return false, err
	}
	if e == nil {
		return false, internal(shown, dest)
	}
	w, err := s.append(ctx, e)
	if err != nil {
		return false, err
	}
	if w.Outcome.Code == fold.Moved {
		return true, nil
	}
	if !w.Outcome.Accepted() {
		return false, refusal(s.kind, key, e, w)
	}
	return false, s.answer(o.Ref, w, want, dest)
}

// change names the event that makes want of what is stored; nil: nothing changes.
func (s *Kind) change(ctx context.Context, o *view.Object, shown, stored, want kinds.Object) (*events.Event, error) {
	if stored == nil {
		want.SetResourceVersion(shown.GetResourceVersion())
		want.GetObjectKind().SetGroupVersionKind(s.kind.Version)
		a, _ := runtime.Encode(s.proto, want)
		b, _ := runtime.Encode(s.proto, shown)
		if bytes.Equal(a, b) {
			return nil, nil
		}
		return nil, apierrors.NewForbidden(s.kind.Resource(), o.Ref.Name, errors.New("it is rendered from its service by the ledger; change the service's selector"))
	}
	e := s.event(ctx, events.ObjectUpdated, o.Ref, o.UID)
	if pod, ok := want.(*corev1.Pod); ok && pod.Spec.NodeName != "" && shown.(*corev1.Pod).Spec.NodeName == "" {
		return s.placement(e, pod.Spec.NodeName)
	}
	if s.kind.Keep != nil {
		s.kind.Keep(want, shown, stored)
	}
	e.Require = events.Precondition{Written: o.Written, UID: o.UID}
	e.Facts = s.kind.FactsOf(want)
	specPart, statusPart, err := s.differences(e, o.Ref, stored, want)
	if err != nil {
		return nil, apierrors.NewInternalError(err)
	}
	if specPart == nil && statusPart == nil {
		return nil, nil
	}
	switch ending := !sameDeletion(stored, want); {
	case ending && evicting(ctx):
		e.Type = events.PodEvicted
	case ending:
		e.Type = events.DeletionRequested
	case specPart == nil:
		e.Type = events.StatusUpdated
	}
	for _, p := range []*events.Part{specPart, statusPart} {
		if p != nil {
			e.Parts = append(e.Parts, *p)
		}
	}
	return e, nil
}

// differences encodes the halves that differ from what is stored. Who manages
// a status field is not recorded for engines: each of their fields has one owner.
func (s *Kind) differences(e *events.Event, ref events.Ref, stored, want kinds.Object) (spec, status *events.Part, err error) {
	oldSpec, oldStatus := split(s.kind, stored.DeepCopyObject().(kinds.Object))
	newSpec, newStatus := split(s.kind, want.DeepCopyObject().(kinds.Object))
	if newStatus != nil {
		if status, err = s.difference(ref, events.Status, oldStatus, newStatus); err != nil {
			return nil, nil, err
		}
	}
	if status != nil && (e.Actor.Reconciler != "" || e.Actor.Node != "") {
		newSpec.SetManagedFields(oldSpec.GetManagedFields())
	}
	spec, err = s.difference(ref, events.Spec, oldSpec, newSpec)
	return spec, status, err
}

func (s *Kind) difference(ref events.Ref, c events.Column, old, now kinds.Object) (*events.Part, error) {
	_, before, err := s.part(s.kind, ref, c, old)
	if err != nil {
		return nil, err
	}
	p, after, err := s.part(s.kind, ref, c, now)
	if err != nil || bytes.Equal(before, after) {
		return nil, err
	}
	return &p, nil
}

// placement is a Binding: the fold checks it as it checks the scheduler's own.
func (s *Kind) placement(e *events.Event, node string) (*events.Event, error) {
	n, err := s.cell.Get(events.Ref{Kind: events.Nodes, Name: node}, 0)
	if err != nil || n.Projected == nil || n.Projected.Node == nil {
		return nil, apierrors.NewConflict(s.kind.Resource(), e.Subject.Name, fmt.Errorf("node %s does not exist or has not registered", node))
	}
	e.Type, e.Require.UID = events.PodPlaced, e.UID
	e.Facts = events.Facts{Placement: &events.Placement{Node: node, Registration: n.Projected.Node.Registration, Why: e.Reason}}
	return e, nil
}

func sameDeletion(a, b kinds.Object) bool {
	x, y := a.GetDeletionTimestamp(), b.GetDeletionTimestamp()
	if (x == nil) != (y == nil) || x != nil && !x.Equal(y) {
		return false
	}
	g, h := a.GetDeletionGracePeriodSeconds(), b.GetDeletionGracePeriodSeconds()
	return (g == nil) == (h == nil) && (g == nil || *g == *h)
}

func evicting(ctx context.Context) bool {
	i, ok := request.RequestInfoFrom(ctx)
	return ok && i.Subresource == "eviction"
}

// Delete appends object.deleted; out is the object with the deletion's revision.
func (s *Kind) Delete(ctx context.Context, key string, out runtime.Object, pre *storage.Preconditions,
	validate storage.ValidateObjectFunc, _ runtime.Object, _ storage.DeleteOptions) error {
	ref, err := s.ref(key)
	if err != nil {
		return err
	}
	if err := s.writable(ctx, ref); err != nil {
		return err
	}
	if err := s.settle(ctx); err != nil {
		return err
	}
	for range retries {
		o, err := s.cell.Get(ref, 0)
		if IsNotFound(err) {
			return storage.NewKeyNotFoundError(key, 0)
		}
		if err != nil {
			return apierrors.NewInternalError(err)
		}
		again, err := s.remove(ctx, key, o, out, pre, validate)
		if !again {
			return err
		}
	}
	return apierrors.NewConflict(s.kind.Resource(), ref.Name, fmt.Errorf("others wrote it %d times meanwhile; try again", retries))
}

func (s *Kind) remove(ctx context.Context, key string, o *view.Object, out runtime.Object,
	pre *storage.Preconditions, validate storage.ValidateObjectFunc) (again bool, err error) {
	if o.Spec == nil {
		return false, apierrors.NewForbidden(s.kind.Resource(), o.Ref.Name, errors.New("it is rendered from its service by the ledger; delete the service"))
	}
	shown, _, err := s.render(o)
	if err != nil {
		return false, apierrors.NewInternalError(err)
	}
	in := s.newFunc()
	if err := internal(shown, in); err != nil {
		return false, apierrors.NewInternalError(err)
	}
	if err := pre.Check(key, in); err != nil {
		return false, err
	}
	if err := validate(ctx, in); err != nil {
		return false, err
	}
	e := s.event(ctx, events.ObjectDeleted, o.Ref, o.UID)
	e.Require = events.Precondition{Written: o.Written, UID: o.UID}
	w, err := s.append(ctx, e)
	if err != nil {
		return false, err
	}
	if w.Outcome.Code == fold.Moved {
		return true, nil
	}
	if !w.Outcome.Accepted() {
		return false, refusal(s.kind, key, e, w)
	}
	s.stamp(s.kind, shown, w.Revision)
	return false, internal(shown, out)
}
