package storage

import (
	"sync"

	"cairn/events"
	"cairn/projections/view"
)

// remainders remembers how much of a list was left behind each page, for the
// page after it. Without it every page of a long list would count all that
// follows, and a list in pages cost the square of its length.
type remainders struct {
	mu   sync.Mutex
	left map[page]int
	ring [remembered]page // the oldest is forgotten
	next int
}

// remembered is how many lists may be read in pages at once at no more than
// one count each.
const remembered = 1024

// page is where one ended.
type page struct {
	kind, namespace string
	at              events.Revision
	last            events.Ref
}

func newRemainders() *remainders { return &remainders{left: map[page]int{}} }

func (r *remainders) behind(p page) (int, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	n, ok := r.left[p]
	return n, ok
}

func (r *remainders) note(p page, n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, ok := r.left[p]; ok {
		return
	}
	delete(r.left, r.ring[r.next])
	r.ring[r.next], r.left[p] = p, n
	r.next = (r.next + 1) % remembered
}

// remaining counts what follows the page; nil where a selector would have to
// look at each.
func (l *listing) remaining() (*int64, error) {
	if !l.pred.Empty() {
		return nil, nil
	}
	r, at := l.kind.remainders, page{l.kind.kind.Name, l.scope.namespace, l.at, l.from}
	n, known := r.behind(at)
	n -= l.taken
	if !known {
		var err error
		if n, err = l.kind.cell.Count(at.kind, view.Page{Namespace: at.namespace, At: l.at, After: l.after}); err != nil {
			return nil, err
		}
	}
	at.last = l.after
	r.note(at, n)
	left := int64(n)
	return &left, nil
}
