package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"cairn/events"
	"cairn/projections/view"

	"github.com/cockroachdb/pebble/v2"
)

// ending is a row that ends many Events at once: with age, those that occurred
// last from one time on and before another; and all those of some namespaces.
// It stands after the record's own changes; the Events that it ends have the
// ordinals from its own on, by namespace and name. Where a record's ordinals do
// not suffice, those beyond share the last one.
type ending struct {
	from, to   int64 // floors before and after; the same: none end with age
	namespaces []string
}

func (e *ending) append(b []byte) []byte {
	b = binary.AppendVarint(binary.AppendVarint(b, e.from), e.to)
	return appendTexts(b, e.namespaces)
}

func readEnding(b []byte) (e ending, err error) {
	var n, m int
	if e.from, n = binary.Varint(b); n > 0 {
		e.to, m = binary.Varint(b[n:])
	}
	if n <= 0 || m <= 0 {
		return e, fmt.Errorf("store: an ending of Events: %w", events.ErrMalformed)
	}
	r := &reader{b: b[n+m:]}
	e.namespaces = r.texts()
	return e, r.err("an ending of Events")
}

// ends reports whether it ends an Event that lives before it.
func (e *ending) ends(v *version, namespace string) bool {
	return v.event.Last < e.to || slices.Contains(e.namespaces, namespace)
}

func noSpaceKey(namespace string, at events.Revision) []byte {
	return numbered(appendText([]byte{tagNoSpace}, namespace), uint64(at))
}

// latelyPrefix begins the rows of the stretch of ledger time that t falls into.
func latelyPrefix(t int64) []byte {
	return numbered([]byte{tagLately}, uint64(t/int64(view.EventStep)))
}

func latelyKey(ref events.Ref, t int64) []byte {
	return appendText(appendText(latelyPrefix(t), ref.Namespace), ref.Name)
}

// latest is a revision past all.
const latest = ^events.Revision(0)

// namespaceEnd returns where the Events of a namespace ended last, at or
// before a revision; 0: they never did.
func namespaceEnd(r pebble.Reader, namespace string, at events.Revision) (end events.Revision, err error) {
	prefix := appendText([]byte{tagNoSpace}, namespace)
	it, err := r.NewIter(&pebble.IterOptions{LowerBound: prefix, UpperBound: pastKey(prefix)})
	if err != nil {
		return 0, err
	}
	upper := pastKey(prefix)
	if at != latest {
		upper = noSpaceKey(namespace, at+1)
	}
	if it.SeekLT(upper) {
		end = events.Revision(splitNumber(it.Key(), len(prefix)))
	}
	return end, errors.Join(it.Error(), it.Close())
}

// alive holds Events against what ended them, as of one moment.
type alive struct {
	r     pebble.Reader
	at    events.Revision
	time  int64 // ledger time then
	floor int64
	ends  map[string]events.Revision // by namespace
}

// aliveAt makes ready to ask as of a revision, the last of its record.
func (s *Store) aliveAt(r pebble.Reader, at events.Revision) (*alive, error) {
	t, err := readTip(r)
	if err != nil {
		return nil, err
	}
	time := t.Time
	if at < t.Revision() {
		if time, err = s.timeOf(r, at.Offset(t.R0)); err != nil {
			return nil, err
		}
	}
	return &alive{r: r, at: at, time: time, floor: view.EventFloor(time), ends: map[string]events.Revision{}}, nil
}

// ended returns where a namespace's Events ended last.
func (a *alive) ended(namespace string) (events.Revision, error) {
	end, ok := a.ends[namespace]
	if !ok {
		var err error
		if end, err = namespaceEnd(a.r, namespace, a.at); err != nil {
			return 0, err
		}
		a.ends[namespace] = end
	}
	return end, nil
}

// lives reports whether an Event's last version is that of one which lives.
func (a *alive) lives(v *version, namespace string) (bool, error) {
	if v.event.Last < a.floor {
		return false, nil
	}
	end, err := a.ended(namespace)
	return v.revision >= end, err
}
