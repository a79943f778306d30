package store

import (
	"sync"

	"cairn/events"
	"cairn/projections/view"
)

// events adds the changes of Events: those with rows of their own, and between
// them what the endings end.
func (c *changes) events() error {
	type row struct {
		at events.Revision
		ending
	}
	var rows []row
	record := (c.after + 1) &^ events.MaxOrdinal // of which a part may have been answered
	err := scan(c.s.db, numbered([]byte{tagEnd}, uint64(record)), pastKey(numbered([]byte{tagEnd}, uint64(c.upTo))), func(key, value []byte) (bool, error) {
		e, err := readEnding(value)
		rows = append(rows, row{events.Revision(splitNumber(key, 1)), e})
		return c.limit == 0 || len(rows) <= c.limit, err
	})
	if err != nil {
		return err
	}
	if c.limit > 0 && len(rows) > c.limit { // more than will be answered
		c.upTo = rows[c.limit].at - 1
		rows = rows[:c.limit]
	}
	after := c.after
	for _, e := range rows {
		if room, err := c.rows(events.Events, after, e.at-1); err != nil || !room {
			return err
		}
		if room, err := c.expand(e.at, &e.ending); err != nil || !room {
			return err
		}
		after = max(after, e.at)
	}
	_, err = c.rows(events.Events, after, c.upTo)
	return err
}

// expand adds what an ending ends, but for what was answered before, and
// reports whether there is room for more.
func (c *changes) expand(at events.Revision, e *ending) (room bool, err error) {
	s := c.s
	time, err := s.timeOf(s.db, at.Offset(s.tip.Load().R0))
	if err != nil {
		return false, err
	}
	before := &alive{r: s.db, at: at - 1, floor: e.from, ends: map[string]events.Revision{}}
	next := at
	m := &merged{r: s.db}
	if c.after >= at {
		if ref, ok := s.resumes.get(c.after); ok {
			m.after, next = ref, c.after+1
		}
	}
	for t := e.from; t < min(e.to, e.from+int64(view.EventTTL+2*view.EventStep)); t += int64(view.EventStep) {
		m.add(t, "")
	}
	for t := e.to; t <= time && len(e.namespaces) > 0; t += int64(view.EventStep) {
		for _, namespace := range e.namespaces {
			m.add(t, namespace)
		}
	}
	room = true
	f := &fetcher{s: s, r: s.db, walks: c.versions}
	var last events.Ref // answered
	err = m.walk(func(ref events.Ref, _ events.Revision) (bool, error) {
		v, err := f.last(c.versions, ref, at-1)
		if v == nil || err != nil {
			return true, err
		}
		if lives, err := before.lives(v, ref.Namespace); err != nil || !lives || !e.ends(v, ref.Namespace) {
			return true, err
		}
		revision := min(next, at.Last())
		next++
		if revision <= c.after {
			return true, nil
		}
		if room = !c.cut(revision, last); !room {
			return false, nil
		}
		o := v.asEvent(ref)
		o.Revision = revision
		last = ref
		c.deltas = append(c.deltas, view.Delta{Ref: ref, Revision: revision, Deleted: true, Object: o, Previous: v.asEvent(ref)})
		return true, nil
	})
	return room, err
}

// cut reports whether the answer ends before a revision among those of one
// ending, of which last was the last answered, if any.
func (c *changes) cut(at events.Revision, last events.Ref) bool {
	if c.full(at) {
		return true
	}
	n := len(c.deltas)
	if c.limit == 0 || n < c.limit || c.deltas[n-1].Revision >= at {
		return false
	}
	if c.upTo = at - 1; last != (events.Ref{}) {
		c.s.resumes.put(c.upTo, last)
	}
	return true
}

// resumes are places between the Events of an ending where answers were cut, so
// that the next one need not count from the ending's first. It forgets.
type resumes struct {
	mu     sync.Mutex
	places map[events.Revision]events.Ref
}

func (r *resumes) put(at events.Revision, ref events.Ref) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.places) >= 64 || r.places == nil {
		r.places = map[events.Revision]events.Ref{}
	}
	r.places[at] = ref
}

func (r *resumes) get(at events.Revision) (events.Ref, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	ref, ok := r.places[at]
	return ref, ok
}
