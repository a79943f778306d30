package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/runtime"

	"cairn/events"
	"cairn/projections/fold"
	"cairn/projections/view"
	"cairn/reconcilers/reconcile"
)

// everything is what a description says that watches all kinds followed.
const everything = "*"

// kindsOf gives the kinds that a cache holds whole, and those of which it is
// only told. Events are in neither: nobody acts on them.
func kindsOf(o *Options) (whole, watched []string) {
	for _, r := range o.Reconcilers {
		d := r.Describe()
		whole = append(whole, d.Reads...)
		for _, k := range d.Watches {
			if k == everything {
				watched = append(watched, o.Kinds...)
			} else {
				watched = append(watched, k)
			}
		}
	}
	slices.Sort(whole)
	slices.Sort(watched)
	whole, watched = slices.Compact(whole), slices.Compact(watched)
	return whole, slices.DeleteFunc(watched, func(k string) bool { return k == events.Events || slices.Contains(whole, k) })
}

// subscribe fills an inbox with every result after a position. The channel
// tells when that ended.
func subscribe(ctx context.Context, from Results, at view.Position) (*inbox, <-chan error) {
	box, ended := newInbox(), make(chan error, 1)
	go func() {
		if err := from.Subscribe(ctx, at.Offset, func(r *fold.Result) { box.put(ctx, r) }); err != nil {
			ended <- err
		}
	}()
	return box, ended
}

// each calls fn for all objects of some kinds as of a position, a page at a time.
func each(from View, at view.Position, kinds []string, fn func(*view.Object)) error {
	if at.Offset == events.NoOffset {
		return nil
	}
	for _, kind := range kinds {
		if err := pages(from, kind, view.Page{At: at.Revision(), Limit: 1000}, fn); err != nil {
			return fmt.Errorf("engine: list %s: %w", kind, err)
		}
	}
	return nil
}

func pages(from View, kind string, page view.Page, fn func(*view.Object)) error {
	for {
		objects, more, err := from.List(kind, page)
		if err != nil {
			return err
		}
		for _, o := range objects {
			fn(o)
			page.After = o.Ref
		}
		if !more || len(objects) == 0 {
			return nil
		}
	}
}

// find reads what a reconciler needs beside the cache. What can't be read is
// missing from the input, and said so.
func (c *controller) find(in *reconcile.Input, needs []reconcile.Need) {
	in.Found, in.Bodies = map[events.Ref]*reconcile.Object{}, map[events.Ref]runtime.Object{}
	now := events.RevisionOf(c.cache.R0, c.cache.At, events.MaxOrdinal)
	for _, n := range needs {
		if n.Ref.Name == "" {
			c.list(in, n.Ref.Namespace)
			continue
		}
		at := now
		if held := c.cache.Get(n.Ref); held != nil {
			at = held.Revision
		}
		o, err := c.opt.Cell.Get(n.Ref, at)
		if errors.Is(err, view.ErrNotFound) {
			continue
		}
		var body runtime.Object
		if err == nil && n.Body {
			body, err = Decode(o)
		}
		if err != nil {
			c.opt.Log.Error("an object can't be read; its reconciler waits for the next change", "object", n.Ref, "revision", at, "err", err)
			continue
		}
		in.Found[n.Ref] = reconcile.ObjectOf(o, c.cache.R0)
		if n.Body {
			in.Bodies[n.Ref] = body
		}
	}
}

// list reads what a namespace holds now, which may be later than the cache.
func (c *controller) list(in *reconcile.Input, namespace string) {
	for _, kind := range append(slices.Clone(c.whole), c.watched...) {
		taken := 0
		err := pages(c.opt.Cell, kind, view.Page{Namespace: namespace, Limit: reconcile.ListMost}, func(o *view.Object) {
			if o.Facts == nil || o.Ref.Namespace != namespace {
				return
			}
			in.Remaining++
			if o.Facts.Deleting == 0 && taken < reconcile.ListMost {
				in.Listed = append(in.Listed, reconcile.ObjectOf(o, c.cache.R0))
				taken++
			}
		})
		if err != nil {
			c.opt.Log.Error("a namespace can't be listed", "namespace", namespace, "kind", kind, "err", err)
			in.Remaining++ // it is not known to be empty
		}
	}
}
