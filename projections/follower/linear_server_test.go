package follower

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"cairn/events"
	"cairn/projections/fold"
	"cairn/projections/follower/porcupinetest"
	"cairn/projections/view"
)

// server keeps registers as config maps, as an API server keeps its objects: a
// write is one record with its preconditions, a read comes after a read point.
type server struct{ f *Follower }

func (s *server) Do(ctx context.Context, c porcupinetest.Call) (porcupinetest.Return, error) {
	switch c.Kind {
	case porcupinetest.Read:
		if err := s.f.ReadPoint(ctx); err != nil {
			return porcupinetest.Return{}, err
		}
		return s.get(c, 0)
	case porcupinetest.Glance:
		return s.get(c, 0)
	}
	ctx, giveUp := porcupinetest.Hurry(ctx, c)
	defer giveUp()
	return s.write(ctx, c)
}

func (s *server) get(c porcupinetest.Call, at events.Revision) (porcupinetest.Return, error) {
	o, err := s.f.Get(register(c), at)
	if errors.Is(err, view.ErrNotFound) {
		return porcupinetest.Return{Answer: porcupinetest.Absent}, nil
	}
	if err != nil {
		return porcupinetest.Return{}, err
	}
	v, err := strconv.ParseUint(string(o.Spec.Data), 10, 64)
	return porcupinetest.Return{Answer: porcupinetest.Done, Value: porcupinetest.Value(v), Revision: uint64(o.Written)}, err
}

func register(c porcupinetest.Call) events.Ref {
	return events.Ref{Kind: events.ConfigMaps, Namespace: "default", Name: c.Key}
}

func (s *server) write(ctx context.Context, c porcupinetest.Call) (porcupinetest.Return, error) {
	e := &events.Event{Subject: register(c), Require: events.Precondition{Written: events.Revision(c.Revision)}}
	if c.Kind != porcupinetest.Delete {
		e.Parts = []events.Part{{Column: events.Spec, Data: strconv.AppendUint(nil, uint64(c.Value), 10)}}
	}
	switch c.Kind {
	case porcupinetest.Create:
		e.Type, e.UID = events.ObjectCreated, fmt.Sprint("u", c.Value)
	case porcupinetest.Update:
		e.Type = events.ObjectUpdated
	case porcupinetest.Delete:
		e.Type = events.ObjectDeleted
	}
	w, err := s.f.Write(ctx, e)
	if err != nil {
		return porcupinetest.Return{}, err
	}
	answer, ok := map[fold.Code]porcupinetest.Answer{fold.OK: porcupinetest.Done, fold.Exists: porcupinetest.Exists,
		fold.NotFound: porcupinetest.Absent, fold.Moved: porcupinetest.Moved}[w.Outcome.Code]
	if !ok {
		return porcupinetest.Return{}, fmt.Errorf("refused as %s: nothing was changed", w.Outcome.Code)
	}
	r := porcupinetest.Return{Answer: answer}
	if w.Outcome.Accepted() && c.Kind != porcupinetest.Delete {
		r.Value, r.Revision = c.Value, uint64(w.Revision)
	}
	return r, nil
}
