package store

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"cairn/events"
	"cairn/events/wire"
	"cairn/projections/fold"
	"cairn/projections/view"

	"github.com/cockroachdb/pebble/v2"
)

// Events are rows of the view alone: the fold says what occurred, and here
// those that are alike become a series, which is one object of kind events.
//
// A series has versions and changes as any object, but no row in the now space.
// Each occurrence puts it into the stretch of ledger time (view.EventStep) that
// it falls into, so that what lives are the series of the last stretches; older
// ones are out of sight without a row written. With a namespace all its Events
// end by one row, which says so; each that is read is held against it.
//
// The naive way, a row in the now space and its removal for each Event, made
// the record that ends a namespace cost as much as all that ever happened in
// it, and revisions ran out at 2^20.

// series is a live series as it stands.
type series struct {
	revision, created events.Revision
	event             *view.Event
}

// recentSeries are kept in memory, and twice as many at most, beside those of
// the batch being written.
const recentSeries = 4096

// seriesCache keeps the latest series by ref. It belongs to Commit.
//
// Invariant: it has all of the batch being written, which are not on disk yet;
// so it forgets between batches only.
type seriesCache struct{ young, old map[events.Ref]*series }

func (c *seriesCache) get(ref events.Ref) *series {
	if s := c.young[ref]; s != nil {
		return s
	}
	return c.old[ref]
}

func (c *seriesCache) put(ref events.Ref, s *series) {
	if c.young == nil {
		c.young = map[events.Ref]*series{}
	}
	c.young[ref] = s
}

func (c *seriesCache) forget() {
	if len(c.young) >= recentSeries {
		c.old, c.young = c.young, nil
	}
}

// kubeEvents writes what occurred with a record: one change for each series,
// by namespace and name, in the ordinals after those of the record's changes.
// What ends comes after what occurs, which may still be of a series that ends
// with age at this very record: that one goes on.
func (c *commit) kubeEvents(r *fold.Result) {
	before := c.before
	c.before = r.Time
	base := events.RevisionOf(c.r0, r.Offset, len(r.Changes))
	if len(r.KubeEvents) > 0 {
		base += events.Revision(c.occur(r, base, before))
	}
	var ended []string
	for i := range r.Changes {
		if ch := &r.Changes[i]; ch.Deleted && ch.Ref.Kind == events.Namespaces {
			ended = append(ended, ch.Ref.Name)
		}
	}
	e := ending{from: view.EventFloor(before), to: view.EventFloor(r.Time), namespaces: ended}
	if before < 0 {
		e.from = e.to // the first record
	}
	if len(ended) == 0 && e.from == e.to {
		return
	}
	for _, namespace := range ended {
		c.set(noSpaceKey(namespace, base), nil)
		c.ended[namespace] = base
	}
	c.set(numbered([]byte{tagEnd}, uint64(base)), e.append(nil))
}

// iterator is over the versions before this batch. Most series are new: so it
// asks the filters of the last level too, as reads of what is there do not.
func (c *commit) iterator() *pebble.Iterator {
	if c.earlier == nil && c.err == nil {
		prefix := kindKey(tagVersion, events.Events)
		c.earlier, c.err = c.db.NewIter(&pebble.IterOptions{LowerBound: prefix, UpperBound: pastKey(prefix), UseL6Filters: true})
	}
	return c.earlier
}

// occur counts up or begins the series of r's events, and returns how many
// they are.
func (c *commit) occur(r *fold.Result, base events.Revision, before int64) int {
	now := map[events.Ref]*series{}
	var refs []events.Ref
	for i := range r.KubeEvents {
		k := &r.KubeEvents[i]
		ref := seriesRef(k)
		s := now[ref]
		if s == nil {
			refs = append(refs, ref)
			old, err := c.liveSeries(ref, before)
			if err != nil {
				c.err = errors.Join(c.err, err)
				return 0
			}
			s = &series{event: &view.Event{First: r.Time, FirstOffset: r.Offset}}
			if old != nil {
				event := *old.event
				s.created, s.event = old.created, &event
			}
			now[ref] = s
		}
		s.event.KubeEvent, s.event.Last, s.event.LastOffset = *k, r.Time, r.Offset
		s.event.Count++
	}
	slices.SortFunc(refs, events.Ref.Compare)
	for i, ref := range refs {
		s := now[ref]
		if s.revision = base + events.Revision(i); s.created == 0 {
			s.created = s.revision
		}
		c.writeSeries(ref, s)
	}
	return len(refs)
}

func (c *commit) writeSeries(ref events.Ref, s *series) {
	h := head{uid: seriesUID(ref, s.event.FirstOffset), revision: s.revision, written: s.revision, created: s.created}
	c.value = appendEvent(h.append(c.value[:0]), s.event)
	c.key = appendRefKey(c.key[:0], tagVersion, ref)
	c.versionRow(ref, s.revision)
	c.set(latelyKey(ref, s.event.Last), binary.BigEndian.AppendUint64(c.value[:0], uint64(s.revision)))
	c.series.put(ref, s)
}

// liveSeries finds a series that lives as of the record before, whose ledger
// time that is; nil: there is none.
func (c *commit) liveSeries(ref events.Ref, before int64) (*series, error) {
	s := c.series.get(ref)
	if s == nil {
		it := c.iterator()
		if c.err != nil {
			return nil, nil
		}
		v, err := c.fetch(c.db).last(it, ref, latest)
		if v == nil || err != nil {
			return nil, err
		}
		s = &series{v.revision, v.created, v.event}
	}
	if s.event.Last < view.EventFloor(before) {
		return nil, nil
	}
	end, ok := c.ended[ref.Namespace]
	if !ok {
		var err error
		if end, err = namespaceEnd(c.db, ref.Namespace, latest); err != nil {
			return nil, err
		}
		c.ended[ref.Namespace] = end
	}
	if s.revision < end {
		return nil, nil
	}
	return s, nil
}

// maxName is the longest name of an object.
const maxName = 253

// seriesRef names the series of an event: what it is about, and a hash of all
// that makes two alike.
func seriesRef(k *fold.KubeEvent) events.Ref {
	b := append([]byte(k.RegardingUID), 0, byte(k.Code))
	b = appendTexts(b, k.Args)
	for _, s := range []string{k.Reason, k.Note, k.Source, k.Container} {
		b = appendChunk(b, s)
	}
	sum := sha256.Sum256(b)
	name := k.Regarding.Name
	if most := maxName - 17; len(name) > most {
		name = strings.TrimRight(name[:most], "-.")
	}
	ref := events.Ref{Kind: events.Events, Namespace: k.Regarding.Namespace, Name: name + "." + hex.EncodeToString(sum[:8])}
	if ref.Namespace == "" {
		ref.Namespace = "default"
	}
	return ref
}

// seriesUID gives a UUID of version 8 (RFC 9562), which is the same in every view.
func seriesUID(ref events.Ref, first events.Offset) string {
	sum := sha256.Sum256(binary.BigEndian.AppendUint64(appendRef(nil, ref), uint64(first)))
	sum[6], sum[8] = sum[6]&0x0f|0x80, sum[8]&0x3f|0x80
	h := hex.EncodeToString(sum[:16])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

func appendEvent(b []byte, e *view.Event) []byte {
	b = appendChunk(appendRef(b, e.Regarding), e.RegardingUID)
	b = appendTexts(append(b, byte(e.Code)), e.Args)
	var flags byte
	if e.Warning {
		flags = 1
	}
	if e.Decision != nil {
		flags |= 2
	}
	b = append(b, flags)
	if e.Decision != nil {
		b = appendChunk(b, wire.Encode(e.Decision))
	}
	for _, s := range []string{e.Reason, e.Note, e.Source, e.Container} {
		b = appendChunk(b, s)
	}
	for _, n := range []uint64{e.Count, uint64(e.First), uint64(e.Last - e.First), uint64(e.FirstOffset), uint64(e.LastOffset - e.FirstOffset)} {
		b = binary.AppendUvarint(b, n)
	}
	return b
}

func readEvent(b []byte) (*view.Event, error) {
	r := &reader{b: b}
	e := new(view.Event)
	e.Regarding, e.RegardingUID, e.Code, e.Args = r.ref(), r.text(), fold.EventCode(r.flags()), r.texts()
	flags := r.flags()
	e.Warning = flags&1 != 0
	if flags&2 != 0 {
		e.Decision = new(events.Decision)
		if err := wire.Decode(r.chunk(), e.Decision); err != nil {
			return nil, fmt.Errorf("store: an event's decision: %w", err)
		}
	}
	e.Reason, e.Note, e.Source, e.Container = r.text(), r.text(), r.text(), r.text()
	e.Count, e.First = r.number(), int64(r.number())
	e.Last = e.First + int64(r.number())
	e.FirstOffset = events.Offset(r.number())
	e.LastOffset = e.FirstOffset + events.Offset(r.number())
	return e, r.err("an event of %s", e.Regarding)
}
