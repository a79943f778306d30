package store

import (
	"encoding/binary"
	"errors"
	"slices"
	"strings"

	"cairn/events"
	"cairn/events/wire"

	"github.com/cockroachdb/pebble/v2"
)

// A manifest names, by namespace and name, all of a kind that may have lived
// in a stretch of the ledger: what lived at its beginning, and what was born
// since. So a list of the past looks at what lived then and at no more than as
// many again, and a page of it seeks to its first name, however much changed
// and died before and after.
//
// The naive way, one row of names every so many changes, made each page read
// the whole list again, and what changed since. Here a birth costs one row,
// and a change or a death none.
//
// The next manifest is begun when as many were born as live, at least `every`:
// each commit copies some of what lives, while births go into both; when all
// is copied, it counts from that commit on. What dies meanwhile is in it for
// nothing, which does no harm: a manifest gives candidates, and versions say
// whether one lived.
//
// Invariant: tally.next is 0 but while the next manifest is copied; copied is
// the last ref in it.

// tally counts one kind's live objects and births.
type tally struct {
	kind     string
	live     uint64
	births   uint64 // in the current manifest, since it began
	manifest uint64 // the current one's number
	next     uint64 // of the one being copied; 0: none
	copied   events.Ref
}

// Fields lists t's fields; numbers are frozen within a store format.
func (t *tally) Fields(w *wire.Codec) {
	w.Str(1, &t.kind)
	w.Uint(2, &t.live)
	w.Uint(3, &t.births)
	w.Uint(4, &t.manifest)
	w.Uint(5, &t.next)
	wire.Inline(w, 6, &t.copied)
}

// copyRows are copied at least by a commit of a kind whose next manifest is begun.
const copyRows = 512

func (s *Store) count(kind string) *tally {
	t := s.tally[kind]
	if t == nil {
		t = &tally{kind: kind}
		s.tally[kind] = t
	}
	return t
}

func (s *Store) sortedTallies() []tally {
	list := make([]tally, 0, len(s.tally))
	for _, t := range s.tally {
		list = append(list, *t)
	}
	slices.SortFunc(list, func(a, b tally) int { return strings.Compare(a.kind, b.kind) })
	return list
}

// advanceManifests brings on, begins and ends next manifests; at is the
// revision after the batch. The rows of the batch are not in the database yet.
func (c *commit) advanceManifests(at events.Revision) {
	for kind, t := range c.tally {
		switch {
		case t.next != 0:
			if c.copyLive(t, max(copyRows, 8*c.births[kind])) {
				c.set(manifestKey(kind, at), binary.BigEndian.AppendUint64(nil, t.next))
				t.manifest, t.next, t.births, t.copied = t.next, 0, 0, events.Ref{}
			}
		case t.births >= max(uint64(c.every), t.live):
			t.next = uint64(at)
		}
	}
}

// copyLive puts the next n of what lives into the next manifest, and reports
// whether that was all.
func (c *commit) copyLive(t *tally, n int) (all bool) {
	lower := kindKey(tagNow, t.kind)
	upper := pastKey(lower)
	if t.copied != (events.Ref{}) {
		lower = pastKey(refKey(tagNow, t.copied))
	}
	all = true
	err := scan(c.db, lower, upper, func(key, _ []byte) (bool, error) {
		if n--; n < 0 {
			all = false
			return false, nil
		}
		ref, err := splitRef(key)
		t.copied = ref
		c.key = appendBirthKey(c.key[:0], ref, t.next)
		c.set(c.key, nil)
		return true, err
	})
	c.err = errors.Join(c.err, err)
	return all && err == nil
}

// manifest returns the number of the manifest that counts at a revision; the
// first one, 0, counts from the first record on.
func (s *Store) manifest(r pebble.Reader, kind string, at events.Revision) (number uint64, err error) {
	prefix := kindKey(tagManifest, kind)
	it, err := r.NewIter(&pebble.IterOptions{LowerBound: prefix, UpperBound: pastKey(prefix)})
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	if !it.SeekLT(manifestKey(kind, at+1)) {
		return 0, it.Error()
	}
	value, err := it.ValueAndErr()
	if err != nil {
		return 0, err
	}
	return binary.BigEndian.Uint64(value), nil
}
