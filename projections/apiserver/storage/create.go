package storage

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/storage"

	"cairn/events"
	"cairn/projections/apiserver/calls"
	"cairn/projections/follower"
	"cairn/projections/kinds"
)

// Create appends object.created and reads the answer from the view.
func (s *Kind) Create(ctx context.Context, key string, obj, out runtime.Object, ttl uint64) error {
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
	if err := lasting(ref, ttl); err != nil {
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
	in, err := s.versioned(s.kind, obj)
	if err != nil {
		return storage.NewInternalError(err)
	}
	e, err := s.creation(ctx, ref, in)
	if err != nil {
		return storage.NewInternalError(err)
	}
	w, err := s.Append(ctx, e)
	if err != nil {
		return err
	}
	if !w.Outcome.Accepted() {
		return refusal(s.kind, key, e, w)
	}
	return s.answerCreate(e, w, in, out)
}

// answerCreate is answer for what was just made. Where the view holds the very
// bytes that in was encoded to, and shows them verbatim, reading them would only
// make in again.
func (s *Kind) answerCreate(e *events.Event, w follower.Written, in kinds.Object, out runtime.Object) error {
	if !s.kind.Verbatim || out == nil {
		return s.answer(e.Subject, w, in, out)
	}
	o, err := s.cell.Get(e.Subject, w.Revision)
	if err != nil || o.Spec == nil || o.Status != nil || !bytes.Equal(o.Spec.Data, e.Part(events.Spec).Data) {
		return s.answer(e.Subject, w, in, out)
	}
	s.stamp(s.kind, in, o.Revision)
	return s.scheme.Convert(in, out, nil)
}

// lasting refuses a time to live by name. Kubernetes itself gives one only to
// Events and to its own masters' leases, which Cairn renders otherwise.
func lasting(ref events.Ref, ttl uint64) error {
	if ttl == 0 {
		return nil
	}
	return apierrors.NewBadRequest(fmt.Sprintf("%s asks to live for %d seconds: Cairn keeps an object until somebody deletes it", ref, ttl))
}

// creation makes the record of in's creation.
func (s *Kind) creation(ctx context.Context, ref events.Ref, in kinds.Object) (*events.Event, error) {
	if s.kind.Strip != nil {
		s.kind.Strip(in, nil, nil)
	}
	uid := string(in.GetUID())
	if uid == "" { // no registry makes such an object; its row must be told from the next of that name
		uid = uuid.NewString()
	}
	e := s.NewEvent(ctx, events.ObjectCreated, ref, uid)
	e.Facts = s.kind.FactsOf(s.kinds, in, kinds.Before{})
	spec, status := split(s.kind, in)
	if status != nil {
		defer copyStatus(in, status)
	}
	p, _, err := s.part(s.kind, ref, events.Spec, spec)
	if err != nil {
		return nil, err
	}
	e.Parts = append(e.Parts, p)
	if status == nil || zeroStatus(status) {
		return e, nil
	}
	if p, _, err = s.statusPart(s.kind, ref, nil, status); err != nil {
		return nil, err
	}
	e.Parts = append(e.Parts, p)
	return e, nil
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

// Append writes a record and waits for its outcome. Its error is one for clients.
func (e *Engine) Append(ctx context.Context, ev *events.Event) (follower.Written, error) {
	if err := e.spend(ctx); err != nil {
		return follower.Written{}, err
	}
	w, err := e.cell.Write(ctx, ev)
	if err != nil {
		return w, e.failed(ev, err)
	}
	calls.From(ctx).Appended.Store(true)
	if w.Outcome.Accepted() {
		e.touched(ev.Subject.Kind, w.Revision)
	}
	return w, nil
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
		return s.internal(written, out)
	}
	if err != nil {
		return storage.NewInternalError(err)
	}
	obj, err := s.Object(o)
	if err != nil {
		return storage.NewInternalError(err)
	}
	return s.internal(obj, out)
}
