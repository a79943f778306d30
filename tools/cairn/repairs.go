package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"cairn/events"
	"cairn/events/feed"
	"cairn/nodes/daemon"
)

// mostRepairs bounds what waits for a server that is away.
const mostRepairs = 64

// repairs puts on record what the dataplane had to put back.
type repairs struct{ found chan repair }

type repair struct {
	what string
	when time.Time
}

func newRepairs() *repairs { return &repairs{make(chan repair, mostRepairs)} }

// add never waits: the dataplane's loop calls it. What finds no room is only
// in the log.
func (r *repairs) add(what string) {
	select {
	case r.found <- repair{what, time.Now()}:
	default:
		slog.Warn("a repair of the dataplane is not put on record: too many wait", "what", what)
	}
}

// report sends each to a server until ctx ends, again and again until it is
// answered. It names no base: a repair is no consequence of anything read, and
// what this node read last may be long ago, so the server stamps its own.
func (r *repairs) report(ctx context.Context, server *daemon.Client) {
	for {
		var next repair
		select {
		case <-ctx.Done():
			return
		case next = <-r.found:
		}
		report := feed.Report{Type: events.DataplaneRebuilt, ID: uuid.Must(uuid.NewV7()).String(),
			Facts: events.Report{Happened: next.when.UnixNano(), Incidents: []events.Incident{{Reason: "DataplaneRebuilt", Message: next.what}}}}
		for pause := time.Second; ; pause = min(2*pause, 30*time.Second) {
			answer, err := server.Report(ctx, report)
			if err == nil {
				if !answer.Accepted {
					slog.Warn("a repair of the dataplane was refused its record", "what", next.what, "reason", answer.Reason)
				}
				break
			}
			select {
			case <-ctx.Done():
				return
			case <-time.After(pause):
			}
		}
	}
}
