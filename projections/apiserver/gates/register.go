package gates

import (
	"context"
	"errors"
	"fmt"

	"cairn/events"
	"cairn/projections/apiserver/storage"
	"cairn/projections/message"
)

// Server is this server, as the cell knows it.
type Server struct {
	Engine  *storage.Engine
	Name    string // one per server of a cell, the same after a restart
	Version string
}

func (s Server) ref() events.Ref { return events.Ref{Kind: events.Servers, Name: s.Name} }

// Register puts on record that this server runs and what it knows, unless that
// is on record. The view must be past a read point.
func (s Server) Register(ctx context.Context) error {
	o, err := s.Engine.Cell().Get(s.ref(), 0)
	if err != nil && !storage.IsNotFound(err) {
		return err
	}
	if err == nil && o.Projected != nil && o.Projected.Server != nil {
		if is := o.Projected.Server; is.Supports == events.Newest && is.Version == s.Version {
			return nil
		}
	}
	e := s.Engine.NewEvent(ctx, events.ServerRegistered, s.ref(), "")
	e.Facts.Server = &events.Server{Supports: events.Newest, Version: s.Version}
	return s.append(ctx, e)
}

// Leave puts on record that this server has ended.
func (s Server) Leave(ctx context.Context) error {
	return s.append(ctx, s.Engine.NewEvent(ctx, events.ServerLeft, s.ref(), ""))
}

func (s Server) append(ctx context.Context, e *events.Event) error {
	w, err := s.Engine.Append(ctx, e)
	if err == nil && !w.Outcome.Accepted() {
		err = errors.New(message.Outcome(w.Outcome))
	}
	if err != nil {
		return fmt.Errorf("record that server %s runs or has ended: %w", s.Name, err)
	}
	return nil
}
