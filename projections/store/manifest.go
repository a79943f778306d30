package store

import (
	"errors"
	"fmt"

	"cairn/events"
	"cairn/events/wire"

	"github.com/cockroachdb/pebble/v2"
)

const manifestChunk = 4096 // refs in one row

// refs is a row of the manifest space.
type refs struct{ list []events.Ref }

// Fields lists r's fields; numbers are frozen within a store format.
func (r *refs) Fields(w *wire.Codec) { wire.Repeated(w, 1, &r.list) }

// writeManifests notes what lives now of each kind that changed often enough
// since its last manifest: at least `every` times, and as often as it has
// objects, so that manifests cost no more than the changes themselves. Events
// have none: nothing of them dies but with their namespace.
//
// A crash before the batch is durable costs only time: lists read further.
func (s *Store) writeManifests(t *tip) error {
	for kind, n := range s.tally {
		if kind == events.Events || n.since < max(uint64(s.every), n.live) {
			continue
		}
		if err := s.writeManifest(kind, t.Revision()); err != nil {
			return fmt.Errorf("store: manifest of %s: %w", kind, err)
		}
		n.since = 0
	}
	return nil
}

func (s *Store) writeManifest(kind string, at events.Revision) error {
	rows := s.db.NewBatch()
	defer rows.Close()
	var r refs
	var chunk uint32
	var failed error
	put := func() {
		failed = errors.Join(failed, rows.Set(manifestKey(kind, at, chunk), wire.Encode(&r), nil))
		r.list = r.list[:0]
		chunk++
	}
	prefix := kindKey(tagNow, kind)
	err := s.scanNow(s.db, prefix, pastKey(prefix), func(ref events.Ref, _ *head) bool {
		if r.list = append(r.list, ref); len(r.list) == manifestChunk {
			put()
		}
		return true
	})
	put()
	return errors.Join(err, failed, rows.Commit(pebble.NoSync))
}

// manifest returns the last manifest at or before a revision; without one, the
// empty manifest of before the first record.
func (s *Store) manifest(r pebble.Reader, kind string, at events.Revision) (from events.Revision, list []events.Ref, err error) {
	prefix := kindKey(tagManifest, kind)
	it, err := r.NewIter(&pebble.IterOptions{LowerBound: prefix, UpperBound: pastKey(prefix)})
	if err != nil {
		return 0, nil, err
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	if !it.SeekLT(manifestKey(kind, at+1, 0)) {
		return 0, nil, it.Error()
	}
	from = events.Revision(splitNumber(it.Key(), len(prefix)))
	for ok := it.SeekGE(manifestKey(kind, from, 0)); ok && events.Revision(splitNumber(it.Key(), len(prefix))) == from; ok = it.Next() {
		value, err := it.ValueAndErr()
		if err != nil {
			return 0, nil, err
		}
		var chunk refs
		if err := wire.Decode(value, &chunk); err != nil {
			return 0, nil, fmt.Errorf("store: manifest of %s at %d: %w", kind, from, err)
		}
		list = append(list, chunk.list...)
	}
	return from, list, it.Error()
}
