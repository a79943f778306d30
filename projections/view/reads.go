package view

import (
	"context"
	"iter"

	"cairn/events"
)

// What can be asked of a view, by use: ask for the smallest that will do.
// Moments are revisions, 0 means now, and all answers are as of whole records.

// Getter reads one object.
type Getter interface {
	// Get returns ErrNotFound where no such object lived at that moment.
	Get(ref events.Ref, at events.Revision) (*Object, error)
}

// Lister reads objects of a kind.
type Lister interface {
	// List returns objects by namespace and name, and whether more follow. A
	// page costs what is on it, of now as of then: see All.
	List(kind string, page Page) ([]*Object, bool, error)
}

// Counter counts objects of a kind.
type Counter interface {
	// Count is how many objects List gives for a page without its limit. It reads
	// their keys, and of the past what tells whether they lived.
	Count(kind string, page Page) (int, error)
}

// Walker reads many objects that nobody keeps.
type Walker interface {
	// Walk calls fn for the objects of a page in order, until it says no or
	// fails; Limit is not looked at. An object, and the bytes of its parts, are
	// fn's only until it returns: the next one takes their place. fn must not
	// wait for anybody: the view holds on to what it reads meanwhile.
	Walk(kind string, page Page, fn func(*Object) (bool, error)) error
}

// Changes reads what changed.
type Changes interface {
	// Changes returns the changes of a kind after a revision in order, about
	// limit at most, and the revision up to which the answer is complete.
	Changes(kind string, after events.Revision, limit int) ([]Delta, events.Revision, error)
}

// Records reads what became of the ledger's records.
type Records interface {
	// Record returns what is kept of a folded record: ErrNotFound beyond the end.
	Record(o events.Offset) (*Record, error)
	// Touching lists the offsets of records, accepted or refused, whose
	// subject is ref or that changed it, ascending, in [from, to); limit 0: all.
	Touching(ref events.Ref, from, to events.Offset, limit int) ([]events.Offset, error)
}

// Causality reads why records were written, and what they led to.
type Causality interface {
	// Causes returns the earlier records that made a record be written, as its
	// writer named them: 256 at most.
	Causes(o events.Offset) ([]events.Offset, error)
	// Effects returns the records that name o as a cause, ascending; limit 0: all.
	Effects(o events.Offset, limit int) ([]events.Offset, error)
}

// Chains reads the chain digests: where two views differ first, halving finds
// (follower.FirstDifference).
type Chains interface {
	// ChainAt returns the chain after a record: ErrNotFound beyond the end.
	ChainAt(o events.Offset) ([32]byte, error)
}

// Moments reads where a view stands and where it stood.
type Moments interface {
	// Position is how far this view has folded.
	Position() Position
	// OffsetAt returns the last offset whose ledger time is at or before t (Unix ns);
	// events.NoOffset where there is none.
	OffsetAt(t int64) (events.Offset, error)
}

// Waiter waits for records.
type Waiter interface {
	// Wait returns once the record at o is folded and readable, or with ctx's error.
	Wait(ctx context.Context, o events.Offset) error
}

// Reads is all of what objects, records and moments are read by.
type Reads interface {
	Getter
	Lister
	Walker
	Counter
	Changes
	Records
	Moments
	Waiter
}

// allLimit is how many objects All has in memory at once.
const allLimit = 500

// All gives the objects that a page asks for one by one, however many; Limit
// is not looked at. As of now, each 500 are as of when they are reached: name
// a revision where that matters. After an error it ends.
func All(from Lister, kind string, page Page) iter.Seq2[*Object, error] {
	return func(yield func(*Object, error) bool) {
		for page.Limit = allLimit; ; {
			list, more, err := from.List(kind, page)
			if err != nil {
				yield(nil, err)
				return
			}
			for _, o := range list {
				if !yield(o, nil) {
					return
				}
			}
			if !more || len(list) == 0 {
				return
			}
			page.After = list[len(list)-1].Ref
		}
	}
}
