package engine

import (
	"context"
	"fmt"
	"slices"

	"cairn/events"
	"cairn/projections/fold"
	"cairn/projections/view"
	"cairn/reconcilers/step"
)

// kindsOf are all kinds that the picture follows. Events never are:
// the fold renders them, and nobody acts on them.
func kindsOf(o Options) []string {
	kinds := slices.Clone(o.Kinds)
	for _, r := range o.Reconcilers {
		kinds = append(kinds, r.About().Reads...)
	}
	slices.Sort(kinds)
	return slices.DeleteFunc(slices.Compact(kinds), func(k string) bool { return k == events.Events })
}

// load subscribes, lists all kinds as of the position subscribed from, and
// queues every key once. The channel tells when the subscription ended.
func (e *Engine) load(ctx context.Context) (lost <-chan error, err error) {
	at := e.opt.Cell.Position()
	failed := make(chan error, 1)
	results := e.results
	e.acting.Add(1)
	go func() {
		defer e.acting.Done()
		err := e.opt.Cell.Subscribe(ctx, at.Offset, func(r *fold.Result) {
			select {
			case results <- r:
			case <-ctx.Done():
			}
		})
		if err != nil {
			failed <- err
		}
	}()
	p := step.NewPicture(at.R0, e.kinds...)
	p.At, p.Cell = at.Offset, at.Cell
	var all []*step.Object
	if at.Offset != events.NoOffset {
		for _, kind := range e.kinds {
			list, err := e.list(p, kind, at.Revision())
			if err != nil {
				return nil, fmt.Errorf("engine: list %s: %w", kind, err)
			}
			all = append(all, list...)
		}
	}
	e.picture = p
	for _, o := range all {
		e.notice(step.Change{After: o, Trigger: step.Trigger{Offset: events.NoOffset, Ref: o.Ref}})
	}
	return failed, nil
}

func (e *Engine) list(p *step.Picture, kind string, at events.Revision) ([]*step.Object, error) {
	var all []*step.Object
	page := view.Page{At: at, Limit: 1000}
	for {
		objects, more, err := e.opt.Cell.List(kind, page)
		if err != nil {
			return nil, err
		}
		for _, o := range objects {
			if put := p.Put(o); put != nil {
				all = append(all, put)
			}
			page.After = o.Ref
		}
		if !more || len(objects) == 0 {
			return all, nil
		}
	}
}
