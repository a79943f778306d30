package store

import (
	"errors"
	"fmt"

	"cairn/events"
	"cairn/projections/view"

	"github.com/cockroachdb/pebble/v2"
)

// Changes returns a kind's changes after a revision, in order, about limit at
// most (0: all), and up to where the answer goes: the end of a record, or,
// where one record ends more Events than that, a place between them.
func (s *Store) Changes(kind string, after events.Revision, limit int) (deltas []view.Delta, upTo events.Revision, err error) {
	upTo = s.Position().Revision()
	if after >= upTo {
		return nil, after, nil
	}
	c := &changes{s: s, fetch: s.fetch(s.db), after: after, limit: limit, upTo: upTo}
	if c.versions, err = s.versions(s.db); err != nil {
		return nil, 0, err
	}
	defer func() { err = errors.Join(err, c.versions.Close()) }()
	if kind == events.Events {
		err = c.events()
	} else {
		_, err = c.rows(kind, after, upTo)
	}
	return c.deltas, c.upTo, err
}

// changes is an answer in the making.
type changes struct {
	s        *Store
	fetch    *fetcher
	versions *pebble.Iterator
	after    events.Revision
	limit    int
	deltas   []view.Delta
	upTo     events.Revision
}

// full reports whether the answer ends before a change at a revision; it then
// ends with the record before.
func (c *changes) full(at events.Revision) bool {
	n := len(c.deltas)
	if c.limit == 0 || n < c.limit || c.deltas[n-1].Revision.Last() >= at {
		return false
	}
	c.upTo = c.deltas[n-1].Revision.Last()
	return true
}

// rows adds the changes after one revision and up to another that have rows of
// their own, and reports whether there is room for more.
func (c *changes) rows(kind string, after, upTo events.Revision) (room bool, err error) {
	room = true
	if after >= upTo {
		return room, nil
	}
	prefix := len(kindKey(tagChange, kind))
	err = scan(c.s.db, changeKey(kind, after+1), pastKey(changeKey(kind, upTo)), func(key, value []byte) (bool, error) {
		at := events.Revision(splitNumber(key, prefix))
		if c.full(at) {
			room = false
			return false, nil
		}
		ref, err := splitPlace(kind, value)
		if err != nil {
			return false, err
		}
		d, err := c.delta(ref, at)
		c.deltas = append(c.deltas, d)
		return true, err
	})
	return room, err
}

// delta is ref's change at exactly a revision.
func (c *changes) delta(ref events.Ref, at events.Revision) (view.Delta, error) {
	d := view.Delta{Ref: ref, Revision: at}
	v, err := c.fetch.version(ref, at)
	if err != nil {
		return d, err
	}
	d.Deleted = v.deleted
	if d.Object, err = c.fetch.assemble(ref, v); err != nil || v.created == at {
		return d, err
	}
	before, err := c.fetch.last(c.versions, ref, at-1)
	if err == nil && before == nil {
		err = fmt.Errorf("store: %s changed at %d, with nothing before it", ref, at)
	}
	if err != nil {
		return d, err
	}
	d.Previous, err = c.fetch.assemble(ref, before)
	return d, err
}
