package registries

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"

	"cairn/events"
	"cairn/projections/apiserver/storage"
)

// patience bounds how long the record of a session's end is waited for.
const patience = 5 * time.Second

// Sessions are the execs, attaches and port-forwards under way. Each end is on
// record, where the cell's gate knows of ends; what a server's death cut off has
// none.
type Sessions struct {
	engine *storage.Engine
	now    func() time.Time

	mu       sync.Mutex
	underway map[events.Offset]*events.Event
}

// NewSessions has none yet.
func NewSessions(engine *storage.Engine) *Sessions {
	return &Sessions{engine: engine, now: time.Now, underway: map[events.Offset]*events.Event{}}
}

// open notes a session that the record at o opened; its answer ends it.
func (s *Sessions) open(e *events.Event, o events.Offset) (ended func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.underway[o] = e
	return func() { s.end(context.Background(), o, "") }
}

// Underway counts the sessions that have not ended.
func (s *Sessions) Underway() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.underway)
}

// EndAll records the end of all that are under way: their server ends.
func (s *Sessions) EndAll(ctx context.Context) {
	s.mu.Lock()
	list := make([]events.Offset, 0, len(s.underway))
	for o := range s.underway {
		list = append(list, o)
	}
	s.mu.Unlock()
	var all sync.WaitGroup
	for _, o := range list {
		all.Go(func() { s.end(ctx, o, "its server ended") })
	}
	all.Wait()
}

// end records an end once.
func (s *Sessions) end(ctx context.Context, o events.Offset, reason string) {
	s.mu.Lock()
	opened := s.underway[o]
	delete(s.underway, o)
	s.mu.Unlock()
	if opened == nil || s.engine.Cell().Position().Gate < events.GateSessionEnds {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	e := &events.Event{ID: events.ID(uuid.Must(uuid.NewV7())), Type: events.SessionClosed, Subject: opened.Subject, UID: opened.UID,
		Actor: opened.Actor, Cause: []events.Offset{o}, Reason: reason, Claimed: s.now().UnixNano()}
	if _, err := s.engine.Append(ctx, e); err != nil {
		slog.Warn("the end of a session could not be recorded", "opened", o, "actor", opened.Actor.Who(), "error", err)
	}
}
