package storage

import (
	"context"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/storage"

	"cairn/events"
	"cairn/projections/kinds"
	"cairn/projections/view"
)

// futureWait is how long a read waits for a revision that is not there yet.
const futureWait = 3 * time.Second

// Get reads one object.
func (s *Kind) Get(ctx context.Context, key string, opts storage.GetOptions, into runtime.Object) error {
	ref, err := s.ref(key)
	if err != nil {
		return err
	}
	if err := s.ready(ctx, opts.ResourceVersion); err != nil {
		return err
	}
	obj, err := s.one(ref, moment(ctx))
	if IsNotFound(err) {
		if opts.IgnoreNotFound {
			return runtime.SetZeroValue(into)
		}
		return storage.NewKeyNotFoundError(key, 0)
	}
	if err != nil {
		return storage.NewInternalError(err)
	}
	return s.internal(obj, into)
}

// one reads an object as of a revision; 0: now.
func (s *Kind) one(ref events.Ref, at events.Revision) (kinds.Object, error) {
	if syn := s.synth[s.kind.Name]; syn != nil {
		for _, o := range syn.List() {
			if o.GetNamespace() == ref.Namespace && o.GetName() == ref.Name {
				return o, nil
			}
		}
		return nil, view.ErrNotFound
	}
	o, err := s.cell.Get(ref, at)
	if err != nil {
		return nil, err
	}
	return s.Object(o)
}

// ready takes a read point, or waits for the revision that the client has seen.
func (s *Kind) ready(ctx context.Context, rv string) error {
	if rv == "0" {
		return nil
	}
	if rv == "" {
		return s.settle(ctx)
	}
	want, err := versioner.ParseResourceVersion(rv)
	if err != nil {
		return apierrors.NewBadRequest("resourceVersion " + rv + " is not a number")
	}
	return s.await(ctx, events.Revision(want))
}

// await returns once the view has reached r; a revision too far ahead is refused.
func (s *Kind) await(ctx context.Context, r events.Revision) error {
	p := s.cell.Position()
	if p.Revision() >= r {
		return nil
	}
	wait, cancel := context.WithTimeout(ctx, futureWait)
	defer cancel()
	if err := s.cell.Wait(wait, r.Offset(p.R0)); err != nil {
		if wait.Err() != nil {
			return storage.NewTooLargeResourceVersionError(uint64(r), uint64(s.cell.Position().Revision()), 1)
		}
		return s.unavailable(err)
	}
	return nil
}

// listAt is the revision a list is made at: never half a record.
func (s *Kind) listAt(ctx context.Context, with events.Revision) events.Revision {
	at := s.cell.Position().Revision()
	if m := moment(ctx); m != 0 {
		at = min(at, m.Last())
	}
	if with != 0 {
		at = min(at, with.Last())
	}
	return at
}

// known refuses revisions of before this incarnation: there is no past there.
func (s *Kind) known(r events.Revision) error {
	if r != 0 && r.Offset(s.cell.Position().R0) == events.NoOffset {
		return apierrors.NewResourceExpired(fmt.Sprintf("resourceVersion %s is from before this incarnation of the ledger; list again", r))
	}
	return nil
}
