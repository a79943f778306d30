package storage

import (
	"context"
	"errors"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/storage"

	"cairn/events"
	"cairn/projections/fold"
	"cairn/projections/view"
)

// Delete appends object.deleted; out is the object with the deletion's revision.
func (s *Kind) Delete(ctx context.Context, key string, out runtime.Object, pre *storage.Preconditions,
	validate storage.ValidateObjectFunc, _ runtime.Object, opts storage.DeleteOptions) error {
	ref, err := s.ref(key)
	if err != nil {
		return err
	}
	return s.untilSettled(ctx, ref, func() (again bool, err error) {
		o, err := s.cell.Get(ref, 0)
		if IsNotFound(err) {
			return false, storage.NewKeyNotFoundError(key, 0)
		}
		if err != nil {
			return false, storage.NewInternalError(err)
		}
		if o.Spec == nil {
			return false, apierrors.NewForbidden(s.kind.Resource(), ref.Name, errors.New("it is rendered from its service by the ledger; delete the service"))
		}
		return s.remove(ctx, key, o, out, pre, validate, opts.ExpectTransformOrDecodeError)
	})
}

// remove makes one attempt; again says that it lost a race. broken is asked for
// an object that can't be decoded, and only for one: nothing of it is checked.
func (s *Kind) remove(ctx context.Context, key string, o *view.Object, out runtime.Object,
	pre *storage.Preconditions, validate storage.ValidateObjectFunc, broken bool) (again bool, err error) {
	in := s.newFunc()
	r, err := s.render(o)
	switch {
	case err != nil && !broken:
		return false, storage.NewInternalError(err)
	case err == nil && broken:
		return false, storage.NewInvalidObjError(key, "it can be decoded: delete it as any other")
	case err == nil:
		if err := s.internal(r.shown, in); err != nil {
			return false, storage.NewInternalError(err)
		}
	}
	if !broken {
		if err := pre.Check(key, in); err != nil {
			return false, err
		}
	}
	if err := validate(ctx, in); err != nil {
		return false, err
	}
	e := s.NewEvent(ctx, events.ObjectDeleted, o.Ref, o.UID)
	e.Require = events.Precondition{Written: o.Written, UID: o.UID}
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
	if broken {
		return false, nil
	}
	s.stamp(s.kind, r.shown, w.Revision)
	return false, s.internal(r.shown, out)
}
