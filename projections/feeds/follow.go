package feeds

import (
	"context"
	"fmt"
	"time"

	"cairn/events"
	"cairn/events/feed"
	"cairn/projections/fold"
	"cairn/projections/follower"
	"cairn/projections/view"
)

// MarkEvery is how often a stream says how far it has been verified, when
// nothing else gives reason to.
const MarkEvery = 5 * time.Second

// Follow emits the assignments of a node: each current one, a mark, then what
// changes with marks, until ctx ends, emit fails or the cell stops; it returns
// that error. emit is called by one goroutine.
func Follow(ctx context.Context, cell follower.Cell, node string, emit func(feed.AssignmentEntry) error) error {
	return follow(ctx, cell, &assignments{cell: cell, node: node, emit: func(_ string, e feed.AssignmentEntry) error { return emit(e) }})
}

// FollowAll emits the assignments of all nodes as Follow does those of one, each
// with its node; a mark has none, and counts for all.
func FollowAll(ctx context.Context, cell follower.Cell, emit func(node string, e feed.AssignmentEntry) error) error {
	return follow(ctx, cell, &assignments{cell: cell, emit: emit})
}

// FollowVIPs emits the cell's services as Follow does a node's pods.
func FollowVIPs(ctx context.Context, cell follower.Cell, emit func(feed.VIPEntry) error) error {
	return follow(ctx, cell, &vips{cell: cell, emit: emit})
}

// stream is what follow drives: one of the two feeds.
type stream interface {
	start(at view.Position) error
	// take handles a record's result and tells whether a mark should follow soon.
	take(r *fold.Result) (mark bool, err error)
	mark(o events.Offset) error
}

// follow lists, marks, and then takes results in order.
//
// Subscribing starts at the position listed from, so nothing lies between them.
func follow(ctx context.Context, cell follower.Cell, s stream) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	at := cell.Position()
	results := make(chan *fold.Result)
	failed := make(chan error, 1)
	go func() {
		err := cell.Subscribe(ctx, at.Offset, func(r *fold.Result) {
			select {
			case results <- r:
			case <-ctx.Done():
			}
		})
		if err != nil {
			failed <- err
		}
	}()
	if err := s.start(at); err != nil {
		return err
	}
	if err := s.mark(at.Offset); err != nil {
		return err
	}
	tick := time.NewTicker(MarkEvery)
	defer tick.Stop()
	for last := at.Offset; ; {
		select {
		case r := <-results:
			mark, err := s.take(r)
			if err != nil {
				return err
			}
			last = r.Offset
			if mark {
				err = s.mark(last)
			}
			if err != nil {
				return err
			}
		case <-tick.C:
			if err := s.mark(last); err != nil {
				return err
			}
		case err := <-failed:
			return fmt.Errorf("feeds: follow the cell again from its position: %w", err)
		case <-cell.Done():
			return fmt.Errorf("feeds: the cell stopped: %w", cell.Err())
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// each calls fn for every object of a kind as of a revision, page by page.
func each(reads view.Reads, kind string, at events.Revision, fn func(*view.Object) error) error {
	page := view.Page{At: at, Limit: 1000}
	for more := true; more; {
		list, rest, err := reads.List(kind, page)
		if err != nil {
			return fmt.Errorf("feeds: list %s: %w", kind, err)
		}
		for _, o := range list {
			if err := fn(o); err != nil {
				return err
			}
			page.After = o.Ref
		}
		more = rest && len(list) > 0
	}
	return nil
}

// objectOf gives the object after a change, with the parts that the change has.
func objectOf(c *fold.Change) *view.Object {
	return &view.Object{Ref: c.Ref, UID: c.UID, Revision: c.Revision, Written: c.Written, Created: c.Created,
		Facts: c.Facts, Projected: c.Projected, Spec: c.Spec, Status: c.Status}
}
