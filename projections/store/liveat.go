package store

import (
	"bytes"
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
	err = l.walk("", events.Ref{}, func(ref events.Ref, row *live) (bool, error) {
		if row == nil {
			if row, err = l.liveThen(ref); err != nil || row == nil {
				return true, err
			}
		}
		on = fn(ref, row)
		return on, nil
	})
	return on, err
}

// liveThen gives the row that ref had; nil where it did not live.
func (l *lister) liveThen(ref events.Ref) (*live, error) {
	if !l.walks.SeekGE(versionKey(ref, l.at)) || !isVersionOf(l.walks.Key(), ref) {
		return nil, l.walks.Error()
	}
	b, err := l.walks.ValueAndErr()
	if err != nil {
		return nil, err
	}
	from, err := readBodies(bytes.Clone(b))
	if err != nil || from.deleted {
		return nil, err
	}
	row := &live{head: from.head}
	for c, at := range row.at {
		if at == 0 {
			continue
		}
		if at != from.revision {
			b, err := l.row(ref, at)
			if err != nil {
				return nil, err
			}
			if from, err = readBodies(b); err != nil {
				return nil, err
			}
		}
		row.take(c, from.column[c])
	}
	return row, nil
}
