package store

import (
	"errors"

	"cairn/events"

	"github.com/cockroachdb/pebble/v2"
)

// liveAt gives what lived at a revision, by kind, namespace and name.
func (s *Store) liveAt(at events.Revision) func(pebble.Reader, func(events.Ref, *live) bool) error {
	return func(r pebble.Reader, fn func(events.Ref, *live) bool) error {
		for _, t := range s.tip.Load().tallies {
			on, err := s.kindAt(r.(*pebble.Snapshot), t.kind, at, fn)
			if err != nil || !on {
				return err
			}
		}
		return nil
	}
}

func (s *Store) kindAt(r *pebble.Snapshot, kind string, at events.Revision, fn func(events.Ref, *live) bool) (on bool, err error) {
	l, err := s.lister(r, kind, at)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, l.close()) }()
	on = true
	err = l.walk("", events.Ref{}, func(ref events.Ref, h *head) (bool, error) {
		row, err := l.live(ref, h.revision)
		if err == nil && row != nil {
			on = fn(ref, row)
		}
		return on, err
	})
	return on, err
}

// live gives the row that ref had; nil where it did not live.
func (l *lister) live(ref events.Ref, last events.Revision) (*live, error) {
	if last == 0 {
		if !l.versions.SeekPrefixGE(versionKey(ref, l.at)) {
			return nil, l.versions.Error()
		}
		last = events.Revision(splitFalling(l.versions.Key()))
	}
	v, err := l.s.bodies(l.r, ref, last)
	if err != nil || v.deleted {
		return nil, err
	}
	row := &live{head: v.head}
	from := v
	for c, at := range v.at {
		if at == 0 {
			continue
		}
		if at != from.revision {
			if from, err = l.s.bodies(l.r, ref, at); err != nil {
				return nil, err
			}
		}
		row.take(c, from.column[c])
	}
	return row, nil
}
