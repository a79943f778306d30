package feed

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"cairn/events"
)

// ErrGap says that a difference does not fit what is here: an entry is missing
// in between. The table asks for everything then, see From.
var ErrGap = errors.New("feed: an entry is missing")

// Table is the VIPs feed as a node holds it: it takes entries and gives
// services with their endpoints, and peers. It is used by one goroutine.
//
// Only what an entry touches is made anew: the list handed out shares all
// other services with the one before.
//
// Invariant: an entry older than what is held for its key changes nothing.
type Table struct {
	services map[string]*service // by NAMESPACE/NAME
	peers    map[string]*peer
	gone     map[string]events.Offset // removed since the last mark
	verified events.Offset
	complete bool // everything up to verified is here

	whole bool // a whole list is under way
	pass  int  // numbers whole lists

	changed map[string]bool // services to be merged anew
	list    []*VIP
	nodes   []Peer // nil: to be made anew
}

// service is what is held of one; header is nil while only its slices are known.
type service struct {
	held
	header *Service
	slices map[string]*slice
	merged *VIP // as last handed out
}

type slice struct {
	held
	version uint64
	is      *Slice
}

type peer struct {
	held
	is *Peer
}

// held is where a row comes from.
type held struct {
	offset events.Offset
	pass   int // the last whole list that named it
}

// NewTable makes an empty table.
func NewTable() *Table {
	return &Table{services: map[string]*service{}, peers: map[string]*peer{}, gone: map[string]events.Offset{},
		verified: events.NoOffset, changed: map[string]bool{}}
}

// From is the mark to go on after; NoOffset: everything is wanted.
func (t *Table) From() events.Offset {
	if !t.complete {
		return events.NoOffset
	}
	return t.verified
}

// Complete reports whether the table has held all there is since it was first told so.
func (t *Table) Complete() bool { return t.complete }

// Take takes the next entry of a stream. After an error (ErrGap) the stream
// is of no more use; the table stays as it was, and From asks for everything.
func (t *Table) Take(e *VIPEntry) error {
	switch {
	case e.Whole:
		t.whole, t.pass = true, t.pass+1
		return nil
	case e.Mark:
		t.mark(e.Offset)
		return nil
	case e.Key == "":
		return nil
	}
	name, sub, deep := keyOf(e.Key)
	switch {
	case name == "":
		t.takePeer(e)
		return nil
	case !deep:
		t.takeService(name, e)
		return nil
	}
	err := t.takeSlice(name, sub, e)
	if err != nil {
		t.complete = false
	}
	return err
}

// keyOf parts NAMESPACE/NAME/SLICE; name is empty where the key is a node's.
func keyOf(key string) (name, slice string, deep bool) {
	ns, rest, ok := strings.Cut(key, "/")
	if !ok {
		return "", "", false
	}
	svc, slice, deep := strings.Cut(rest, "/")
	return ns + "/" + svc, slice, deep
}

// stale reports whether an entry is older than what is known of its key. Of an
// unknown key it is if it is not newer than the last mark: all keys as of that
// are known.
func (t *Table) stale(e *VIPEntry, had *held) bool {
	if had != nil {
		return had.offset > e.Offset
	}
	if at, ok := t.gone[e.Key]; ok && at >= e.Offset {
		return true
	}
	return t.complete && !t.whole && e.Offset <= t.verified
}

func (t *Table) takePeer(e *VIPEntry) {
	had := t.peers[e.Key]
	switch {
	case had != nil && t.stale(e, &had.held), had == nil && t.stale(e, nil):
	case e.Peer == nil:
		delete(t.peers, e.Key)
		t.gone[e.Key], t.nodes = e.Offset, nil
	default:
		t.peers[e.Key] = &peer{held{e.Offset, t.pass}, e.Peer}
		t.nodes = nil
	}
	if p := t.peers[e.Key]; p != nil {
		p.pass = t.pass
	}
}

func (t *Table) takeService(name string, e *VIPEntry) {
	s := t.services[name]
	var had *held
	if s != nil && s.header != nil {
		had = &s.held
	}
	if t.stale(e, had) {
		if had != nil {
			had.pass = t.pass
		}
		return
	}
	t.changed[name] = true
	if e.Service == nil {
		t.gone[e.Key] = e.Offset
		if s != nil {
			s.header = nil
			t.tidy(name, s)
		}
		return
	}
	s = t.service(name)
	s.held, s.header = held{e.Offset, t.pass}, e.Service
}

func (t *Table) service(name string) *service {
	s := t.services[name]
	if s == nil {
		s = &service{slices: map[string]*slice{}}
		t.services[name] = s
	}
	return s
}

// tidy drops a service of which nothing is left.
func (t *Table) tidy(name string, s *service) {
	if s.header == nil && len(s.slices) == 0 {
		delete(t.services, name)
	}
}

func (t *Table) takeSlice(name, sub string, e *VIPEntry) error {
	s := t.services[name]
	var old *slice
	var had *held
	if s != nil && s.slices[sub] != nil {
		old = s.slices[sub]
		had = &old.held
		had.pass = t.pass
	}
	if t.stale(e, had) {
		return nil
	}
	next := &slice{held{e.Offset, t.pass}, e.Version, e.Slice}
	switch {
	case e.Change != nil && old != nil && old.version == e.Version:
		next.is = old.is
	case e.Change != nil && (old == nil || old.version != e.Change.From):
		return fmt.Errorf("%w: %s at %d differs from a version that is not here", ErrGap, e.Key, e.Offset)
	case e.Change != nil:
		next.is = old.is.With(e.Change)
	case e.Slice == nil:
		t.gone[e.Key] = e.Offset
		if s != nil {
			delete(s.slices, sub)
			t.tidy(name, s)
			t.changed[name] = true
		}
		return nil
	}
	t.service(name).slices[sub] = next
	t.changed[name] = true
	return nil
}

// mark ends a whole list: what it did not name is gone.
func (t *Table) mark(at events.Offset) {
	if t.whole {
		for name, s := range t.services {
			for sub, x := range s.slices {
				if x.pass != t.pass {
					delete(s.slices, sub)
					t.changed[name] = true
				}
			}
			if s.header != nil && s.pass != t.pass {
				s.header = nil
				t.changed[name] = true
			}
			t.tidy(name, s)
		}
		maps.DeleteFunc(t.peers, func(_ string, p *peer) bool { return p.pass != t.pass })
		t.nodes, t.whole, t.complete, t.verified = nil, false, true, at
	}
	t.verified = max(t.verified, at)
	maps.DeleteFunc(t.gone, func(_ string, o events.Offset) bool { return o <= t.verified })
}

// Peers lists the nodes, by name. The list is shared: never change it.
func (t *Table) Peers() []Peer {
	if t.nodes == nil {
		t.nodes = make([]Peer, 0, len(t.peers))
		for _, p := range t.peers {
			t.nodes = append(t.nodes, *p.is)
		}
		slices.SortFunc(t.nodes, func(a, b Peer) int { return cmp.Compare(a.Name, b.Name) })
	}
	return t.nodes
}
