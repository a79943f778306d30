package scheduler

import (
	"cmp"
	"hash/fnv"
	"slices"
	"time"

	"cairn/events"
	"cairn/events/wire"
)

const (
	// Sample is how many fitting nodes a pod chooses from at most.
	Sample = 100
	// scansMost bounds the shapes whose scan is kept.
	scansMost = 256
)

// shape is all pods that ask the same of a node: what fits one fits each.
//
// Invariant: while it is parked, no node fits that has not been raised since.
type shape struct {
	name   string
	facts  *events.Pod
	pods   podQueue // that wait
	index  int      // in state.ready; -1: not there
	scan   *scan    // nil: begins with the next pod
	parked bool

	// While it is parked:
	decision *events.Decision // why no node fits
	judgedAt uint64           // state.changes when that was found
	judged   time.Time        // when it was found
	pause    time.Duration    // not sooner than this after it is it found anew
	look     bool             // to be found anew
	stale    time.Time        // when to find it anew though nobody asked
	patience time.Duration    // between two such times
	wake     timer

	untold []*pod // may have to be told why they wait, once it is parked
}

// shapeOf names what a pod asks of a node.
func shapeOf(p *events.Pod) string {
	return string(wire.Encode(&events.Pod{Requests: p.Requests, NodeSelector: p.NodeSelector, Tolerations: p.Tolerations,
		HostPorts: p.HostPorts, NodeName: p.NodeName}))
}

// pick gives the best node for a shape's first pod; nil: none fits.
func (s *state) pick(sh *shape, p *pod) *candidate {
	sc := s.scanOf(sh)
	sc.top(sh)
	var best *candidate
	for i := 0; i < len(sc.feasible); {
		c := &sc.feasible[i]
		if c.changes != c.node.changes && !sc.renew(sh.facts, i) {
			continue // what stands at i now is another
		}
		c.peers = 0
		if p.group != nil {
			c.peers = p.group.on[c.node]
		}
		if c.node == p.refusedBy {
			c.peers = 1 << 30 // the last resort
		}
		if best == nil || better(c, best) {
			best = c
		}
		i++
	}
	if best == nil && (len(sc.repeat) > 0 || sc.next < len(sc.order)) {
		return s.pick(sh, p) // all that were feasible had filled up meanwhile
	}
	return best
}

// better orders candidates: fewest peers, most left, then by hash.
func better(a, b *candidate) bool {
	return cmp.Or(cmp.Compare(b.peers, a.peers), cmp.Compare(a.left, b.left), cmp.Compare(a.tie, b.tie)) > 0
}

// scanOf gives a shape's scan; of too many, the one not used for longest goes.
func (s *state) scanOf(sh *shape) *scan {
	s.ticks++
	if sh.scan == nil {
		if len(s.scans) == scansMost {
			i := 0
			for j, x := range s.scans {
				if x.scan.used < s.scans[i].scan.used {
					i = j
				}
			}
			old := s.scans[i]
			old.scan = nil
			if len(old.pods) == 0 {
				delete(s.shapes, old.name)
			}
			s.scans = slices.Delete(s.scans, i, i+1)
		}
		sh.scan = s.newScan(sh)
		s.scans = append(s.scans, sh)
	}
	sh.scan.used = s.ticks
	return sh.scan
}

// hash is the same for everyone who asks it of the same shape and node.
func hash(shape, node string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(shape))
	h.Write([]byte{0})
	h.Write([]byte(node))
	return h.Sum64()
}

// podQueue is a heap of pods, most urgent first.
type podQueue []*pod

func (q podQueue) Len() int           { return len(q) }
func (q podQueue) Less(i, j int) bool { return compare(q[i], q[j]) < 0 }
func (q podQueue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].index, q[j].index = i, j
}

func (q *podQueue) Push(x any) {
	p := x.(*pod)
	p.index = len(*q)
	*q = append(*q, p)
}

func (q *podQueue) Pop() any {
	p := (*q)[len(*q)-1]
	(*q)[len(*q)-1] = nil
	*q = (*q)[:len(*q)-1]
	p.index = -1
	return p
}

// compare puts the more important pod first, then the older one.
func compare(a, b *pod) int {
	return cmp.Or(cmp.Compare(b.facts.Priority, a.facts.Priority), cmp.Compare(a.created, b.created))
}

// queue is a heap of shapes by their most urgent pods.
type queue []*shape

func (q queue) Len() int           { return len(q) }
func (q queue) Less(i, j int) bool { return compare(q[i].pods[0], q[j].pods[0]) < 0 }
func (q queue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].index, q[j].index = i, j
}

func (q *queue) Push(x any) {
	sh := x.(*shape)
	sh.index = len(*q)
	*q = append(*q, sh)
}

func (q *queue) Pop() any {
	sh := (*q)[len(*q)-1]
	(*q)[len(*q)-1] = nil
	*q = (*q)[:len(*q)-1]
	sh.index = -1
	return sh
}
