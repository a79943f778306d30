package storage

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/endpoints/request"
	"k8s.io/apiserver/pkg/storage"

	"cairn/events"
	"cairn/projections/fold"
	"cairn/projections/kinds"
	"cairn/projections/view"
)

// retries bounds how often an update that lost a race is tried again.
const retries = 64

// GuaranteedUpdate applies try to the object as it is now, and appends what
// changed under the precondition that nobody wrote it since; else again.
func (s *Kind) GuaranteedUpdate(ctx context.Context, key string, dest runtime.Object, ignoreNotFound bool,
	pre *storage.Preconditions, try storage.UpdateFunc, _ runtime.Object) error {
	ref, err := s.ref(key)
	if err != nil {
		return err
	}
	return s.untilSettled(ctx, ref, func() (again bool, err error) {
		o, err := s.cell.Get(ref, 0)
		switch {
		case IsNotFound(err) && ignoreNotFound:
			err := s.createByUpdate(ctx, key, dest, pre, try)
			return storage.IsExist(err), err
		case IsNotFound(err):
			return false, storage.NewKeyNotFoundError(key, 0)
		case err != nil:
			return false, storage.NewInternalError(err)
		}
		return s.update(ctx, key, o, dest, pre, try)
	})
}

// untilSettled makes attempts from a view past a read point, until one of them
// has not lost a race.
func (s *Kind) untilSettled(ctx context.Context, ref events.Ref, attempt func() (again bool, err error)) error {
	if err := s.writable(ctx, ref); err != nil {
		return err
	}
	if err := s.settle(ctx); err != nil {
		return err
	}
	for range retries {
		if again, err := attempt(); !again {
			return err
		}
	}
	return apierrors.NewConflict(s.kind.Resource(), ref.Name, fmt.Errorf("others wrote it %d times meanwhile; try again", retries))
}

func (s *Kind) createByUpdate(ctx context.Context, key string, dest runtime.Object, pre *storage.Preconditions, try storage.UpdateFunc) error {
	none := s.newFunc()
	if err := pre.Check(key, none); err != nil {
		return err
	}
	out, ttl, err := try(none, storage.ResponseMeta{})
	if err != nil {
		return err
	}
	if err := versioner.PrepareObjectForStorage(out); err != nil { // it may come with the revision of what was there
		return storage.NewInternalError(err)
	}
	return s.Create(ctx, key, out, dest, timeToLive(ttl))
}

func timeToLive(ttl *uint64) uint64 {
	if ttl == nil {
		return 0
	}
	return *ttl
}

// update makes one attempt; again says that it lost a race.
func (s *Kind) update(ctx context.Context, key string, o *view.Object, dest runtime.Object,
	pre *storage.Preconditions, try storage.UpdateFunc) (again bool, err error) {
	r, err := s.render(o)
	if err != nil {
		return false, storage.NewInternalError(err)
	}
	in := s.newFunc()
	if err := s.internal(r.shown, in); err != nil {
		return false, storage.NewInternalError(err)
	}
	if err := pre.Check(key, in); err != nil {
		return false, err
	}
	out, ttl, err := try(in, storage.ResponseMeta{ResourceVersion: uint64(o.Revision)})
	if err == nil {
		err = lasting(o.Ref, timeToLive(ttl))
	}
	if err != nil {
		return false, err
	}
	want, err := s.versioned(s.kind, out)
	if err != nil {
		return false, storage.NewInternalError(err)
	}
	e, err := s.change(ctx, o, r, want)
	if err != nil {
		return false, err
	}
	if e == nil {
		return false, s.internal(r.shown, dest)
	}
	w, err := s.Append(ctx, e)
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
func (s *Kind) change(ctx context.Context, o *view.Object, r rendering, want kinds.Object) (*events.Event, error) {
	if r.stored == nil {
		return nil, s.unchanged(o, r.shown, want)
	}
	e := s.NewEvent(ctx, events.ObjectUpdated, o.Ref, o.UID)
	if pod, ok := want.(*corev1.Pod); ok && pod.Spec.NodeName != "" && r.shown.(*corev1.Pod).Spec.NodeName == "" {
		return s.placement(e, pod.Spec.NodeName)
	}
	if s.kind.Strip != nil {
		s.kind.Strip(want, r.shown, r.stored)
	}
	e.Require = events.Precondition{Written: o.Written, UID: o.UID}
	e.Facts = s.kind.FactsOf(s.kinds, want, kinds.Before{Facts: o.Facts, Object: func() kinds.Object { return s.given(r.shown) }})
	specPart, statusPart, err := s.differences(e, o, r, want)
	if err != nil {
		return nil, storage.NewInternalError(err)
	}
	if specPart == nil && statusPart == nil {
		return nil, nil
	}
	switch ending := !sameDeletion(r.stored, want); {
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

// given is what the registry was given of a shown object, in the stored version:
// with this library's defaults, like all that comes back from it.
func (s *Kind) given(shown kinds.Object) kinds.Object {
	in := s.newFunc()
	if err := s.internal(shown, in); err != nil {
		return shown
	}
	o, err := s.versioned(s.kind, in)
	if err != nil {
		return shown
	}
	return o
}

// unchanged refuses a change of what is rendered whole.
func (s *Kind) unchanged(o *view.Object, shown, want kinds.Object) error {
	a, err := s.encode(s.kind, want)
	if err != nil {
		return storage.NewInternalError(err)
	}
	b, err := s.encode(s.kind, shown.DeepCopyObject().(kinds.Object))
	if err != nil {
		return storage.NewInternalError(err)
	}
	if bytes.Equal(a, b) {
		return nil
	}
	return apierrors.NewForbidden(s.kind.Resource(), o.Ref.Name, errors.New("it is rendered from its service by the ledger; change the service's selector"))
}

// differences encodes the halves that differ from what is stored. Who manages
// a status field is not recorded for engines: each of their fields has one owner.
func (s *Kind) differences(e *events.Event, o *view.Object, r rendering, want kinds.Object) (spec, status *events.Part, err error) {
	oldSpec, oldStatus := split(s.kind, r.stored.DeepCopyObject().(kinds.Object))
	newSpec, newStatus := split(s.kind, want.DeepCopyObject().(kinds.Object))
	if newStatus != nil {
		if status, err = s.statusDifference(s.kind, o, oldStatus, newStatus, r.stale && !zeroStatus(newStatus)); err != nil {
			return nil, nil, err
		}
	}
	if status != nil && (e.Actor.Reconciler != "" || e.Actor.Node != "") {
		newSpec.SetManagedFields(oldSpec.GetManagedFields())
	}
	spec, err = s.difference(s.kind, o.Ref, events.Spec, oldSpec, newSpec, r.stale)
	return spec, status, err
}

// placement is a Binding: the fold checks it as it checks the scheduler's own.
func (s *Kind) placement(e *events.Event, node string) (*events.Event, error) {
	n, err := s.cell.Get(events.Ref{Kind: events.Nodes, Name: node}, 0)
	if err != nil || n.Projected == nil || n.Projected.Node == nil {
		return nil, apierrors.NewConflict(s.kind.Resource(), e.Subject.Name, fmt.Errorf("node %s does not exist or has not registered", node))
	}
	e.Type, e.Require.UID = events.PodPlaced, e.UID
	e.Facts = events.Facts{Placement: &events.Placement{Node: node, Registration: n.Projected.Node.Registration}}
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
