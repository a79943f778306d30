package scheduler

import (
	"fmt"
	"hash/fnv"

	"cairn/events"
	"cairn/reconcilers/reconcile"
)

// Sample is how many fitting nodes are scored for a pod at most.
const Sample = 100

// node is a node as this plan leaves it.
type node struct {
	object *reconcile.Object
	used   events.Resources
	ports  []events.HostPort // claimed by its pods; filled in when first asked for
	asked  bool
}

// cluster is what a plan works on: the picture with its own placements added.
//
// Invariant: a class in `full` fits nowhere, now and for the rest of the plan,
// since a plan only ever takes room away.
type cluster struct {
	picture *reconcile.Cache
	nodes   []*node
	byName  map[string]*node
	full    map[string]string         // class -> why no node fits
	spread  map[string]map[string]int // workload -> node -> its pods
}

func newCluster(p *reconcile.Cache) *cluster {
	c := &cluster{picture: p, byName: map[string]*node{}, full: map[string]string{}, spread: map[string]map[string]int{}}
	for _, o := range p.List(events.Nodes, "") {
		if o.Facts.Node == nil {
			continue
		}
		n := &node{object: o, used: p.Used(o.Ref.Name)}
		c.nodes = append(c.nodes, n)
		c.byName[o.Ref.Name] = n
	}
	return c
}

// choose gives the best node and why, or no node and why not.
func (c *cluster) choose(p *reconcile.Object) (*node, string) {
	if name := p.Facts.Pod.NodeName; name != "" {
		return c.asked(p, name)
	}
	class := classOf(p)
	if why, ok := c.full[class]; ok {
		return nil, why
	}
	fits, refused := c.filter(p)
	if len(fits) == 0 {
		why := explain(len(c.nodes), refused)
		c.full[class] = why
		return nil, why
	}
	best := c.best(p, fits)
	return best, because(best, len(fits), len(c.nodes), refused)
}

// asked places a pod on the node that it names: only health and fit count.
func (c *cluster) asked(p *reconcile.Object, name string) (*node, string) {
	n := c.byName[name]
	if n == nil {
		return nil, fmt.Sprintf("asked for node %s, which does not exist", name)
	}
	reason := n.unhealthy()
	if reason == "" {
		reason = n.tooSmall(p)
	}
	if reason == "" {
		reason = n.portTaken(c.cache, p)
	}
	if reason != "" {
		return nil, fmt.Sprintf("asked for node %s: %s", name, reason)
	}
	return n, name + ": asked for by its author"
}

// filter gives the nodes that fit, in order, and for the others how many share each reason.
func (c *cluster) filter(p *reconcile.Object) (fits []*node, refused map[string][]string) {
	refused = map[string][]string{}
	from := 0
	if len(c.nodes) > Sample {
		from = int(dice(p.UID, "") % uint64(len(c.nodes)))
	}
	for i := range c.nodes {
		n := c.nodes[(from+i)%len(c.nodes)]
		if reason := n.refuses(c.cache, p); reason != "" {
			refused[reason] = append(refused[reason], n.object.Ref.Name)
			continue
		}
		if fits = append(fits, n); len(fits) == Sample {
			break
		}
	}
	return fits, refused
}

// best scores: fewest pods of the same workload, then most left, then by hash.
func (c *cluster) best(p *reconcile.Object, fits []*node) *node {
	peers := c.peers(p)
	var best *node
	var bestScore [3]uint64
	for _, n := range fits {
		score := [3]uint64{^uint64(peers[n.object.Ref.Name]), n.left(p), dice(p.UID, n.object.Ref.Name)}
		if best == nil || less(bestScore, score) {
			best, bestScore = n, score
		}
	}
	peers[best.object.Ref.Name]++
	return best
}

func less(a, b [3]uint64) bool {
	for i := range a {
		if a[i] != b[i] {
			return a[i] < b[i]
		}
	}
	return false
}

// peers counts the pods of p's workload by node, those that this plan places
// among them.
func (c *cluster) peers(p *reconcile.Object) map[string]int {
	group := spreadKey(p)
	if m, ok := c.spread[group]; ok {
		return m
	}
	m := map[string]int{}
	c.spread[group] = m
	if group == "" {
		return m
	}
	for _, o := range c.related(p) {
		if o.Facts.Pod != nil && reconcile.Active(o) && o.Pod().Node != "" && spreadKey(o) == group {
			m[o.Pod().Node]++
		}
	}
	return m
}

func (c *cluster) related(p *reconcile.Object) []*reconcile.Object {
	if owner := p.Controller(); owner != nil && len(p.Facts.Pod.Spread) == 0 {
		return c.cache.Dependents(owner.UID)
	}
	return c.cache.List(events.Pods, p.Ref.Namespace)
}

// spreadKey names the workload to spread over nodes; empty: none.
func spreadKey(p *reconcile.Object) string {
	if s := p.Facts.Pod.Spread; len(s) > 0 {
		return fmt.Sprint(p.Ref.Namespace, s)
	}
	if owner := p.Controller(); owner != nil {
		return owner.UID
	}
	return ""
}

// classOf names all pods that ask for the same.
func classOf(p *reconcile.Object) string {
	f := p.Facts.Pod
	return fmt.Sprint(f.Requests, f.NodeSelector, f.Tolerations, f.HostPorts)
}

// dice is the same for everyone who throws it for the same pod and node.
func dice(uid, node string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(uid))
	h.Write([]byte{0})
	h.Write([]byte(node))
	return h.Sum64()
}
