package ruleset

import "net/netip"

// The names of the chains that exist in every table.
const (
	GuardChain    = "guard"
	PreChain      = "prerouting"
	OutChain      = "output"
	ServicesChain = "services"
	RefuseChain   = "refuse"
	SourceChain   = "source"
	BeltChain     = "belt"
)

var loopback = netip.MustParsePrefix("127.0.0.0/8")

// chains are the constant ones. Priorities are Linux' usual places: raw -300,
// destination NAT -100, source NAT 100, and the belt after all of them.
func chains(cfg Config) []Chain {
	toServices := []Rule{{Why: "look the service up", Do: Action{Kind: Jump, Name: ServicesChain}}}
	return []Chain{
		{Name: RefuseChain, Rules: []Rule{
			{Why: "nothing answers here", If: []Match{{Kind: IsProtocol, Protocol: TCP}}, Do: Action{Kind: Reset}},
			{Why: "nothing answers here", Do: Action{Kind: Unreachable}},
		}},
		{Name: ServicesChain, Rules: serviceRules(cfg)},
		{Name: GuardChain, Hook: Prerouting, Priority: -300, Rules: []Rule{{
			Why: "pods never reach the machine's loopback, even where node ports answer on it",
			If: []Match{
				{Kind: OnLink, Field: InLink, Link: cfg.LinkPrefix + "-"},
				{Kind: InPrefix, Field: Destination, Prefix: loopback},
			},
			Do: Action{Kind: Drop},
		}, {
			Why: "nor do they pass for the machine itself",
			If: []Match{
				{Kind: OnLink, Field: InLink, Link: cfg.LinkPrefix + "-"},
				{Kind: InPrefix, Field: Source, Prefix: loopback},
			},
			Do: Action{Kind: Drop},
		}}},
		{Name: PreChain, Hook: Prerouting, NAT: true, Priority: -100, Rules: toServices},
		{Name: OutChain, Hook: Output, NAT: true, Priority: -100, Rules: toServices},
		{Name: SourceChain, Hook: Postrouting, NAT: true, Priority: 100, Rules: sourceRules(cfg)},
		{Name: BeltChain, Hook: Postrouting, Priority: 300, Rules: beltRules(cfg)},
	}
}

func serviceRules(cfg Config) []Rule {
	return []Rule{
		{Why: "this machine answers itself", If: []Match{{Kind: InSet, Field: Destination, Set: Local}}, Do: Action{Kind: Return}},
		{Why: "a service address", If: []Match{{Kind: InPrefix, Field: Destination, Prefix: cfg.ServiceRange}}, Do: Action{Kind: Dispatch}},
		{Why: "no such service", If: []Match{{Kind: InPrefix, Field: Destination, Prefix: cfg.ServiceRange}}, Do: Action{Kind: Goto, Name: RefuseChain}},
		{Why: "a node port", If: []Match{{Kind: InSet, Field: Destination, Set: Nodes}}, Do: Action{Kind: Dispatch, NodePort: true}},
	}
}

func sourceRules(cfg Config) []Rule {
	return []Rule{
		{
			Why: "a pod that reaches itself must answer through us",
			If:  []Match{{Kind: DNATed}, {Kind: InSet, Field: Pair, Set: Hairpin}},
			Do:  Action{Kind: SNAT, Addr: cfg.NodeAddr},
		}, {
			Why: "a loopback source means nothing to a pod",
			If:  []Match{{Kind: DNATed}, {Kind: InPrefix, Field: Source, Prefix: loopback}},
			Do:  Action{Kind: SNAT, Addr: cfg.NodeAddr},
		}, {
			Why: "a stranger's connection to another node's pod must come back through us",
			If: []Match{
				{Kind: DNATed},
				{Kind: InPrefix, Field: Source, Prefix: cfg.PodRange, Not: true},
				{Kind: InPrefix, Field: Destination, Prefix: cfg.NodeRange, Not: true},
				{Kind: OnLink, Field: OutLink, Link: "lo", Not: true},
			},
			Do: Action{Kind: Masquerade},
		}, {
			Why: "the world does not know pod addresses",
			If: []Match{
				{Kind: InPrefix, Field: Source, Prefix: cfg.PodRange},
				{Kind: InPrefix, Field: Destination, Prefix: cfg.PodRange, Not: true},
				{Kind: InPrefix, Field: Destination, Prefix: cfg.ServiceRange, Not: true},
				{Kind: OnLink, Field: OutLink, Link: cfg.LinkPrefix + "-", Not: true},
			},
			Do: Action{Kind: Masquerade},
		},
	}
}

// beltRules hold if every route of ours is lost; the routes hold without them.
func beltRules(cfg Config) []Rule {
	return []Rule{
		{Why: "stays on this machine", If: []Match{{Kind: OnLink, Field: OutLink, Link: "lo"}}, Do: Action{Kind: Accept}},
		{Why: "a link of this cell", If: []Match{{Kind: OnLink, Field: OutLink, Link: cfg.LinkPrefix + "-"}}, Do: Action{Kind: Accept}},
		{
			Why: "another node's pods, over a shared link",
			If:  []Match{{Kind: InSet, Field: DestinationBlock, Set: Peers, Bits: cfg.NodeRange.Bits()}},
			Do:  Action{Kind: Accept},
		},
		{Why: "a pod's address never leaves", If: []Match{{Kind: InPrefix, Field: Destination, Prefix: cfg.PodRange}}, Do: Action{Kind: Drop}},
		{Why: "a service's address never leaves", If: []Match{{Kind: InPrefix, Field: Destination, Prefix: cfg.ServiceRange}}, Do: Action{Kind: Drop}},
	}
}

// Rules are the rules of the balancer's chain.
func (b Balancer) Rules() []Rule {
	do := func(kind ActionKind, first bool) Action {
		return Action{Kind: kind, Mark: b.Mark, NodePort: b.NodePort, First: first}
	}
	rules := make([]Rule, 0, 5)
	if b.Mark.Sticky() > 0 {
		rules = append(rules,
			Rule{Why: "the endpoint this client had", Do: do(Recall, false)},
			Rule{Why: "it is gone: forget it", Do: do(Forget, false)})
	}
	return append(rules,
		Rule{Why: "one of them, by chance", Do: do(Choose, false)},
		Rule{Why: "the count was older than the endpoints: the first", Do: do(Choose, true)},
		Rule{Why: "never undirected", Do: Action{Kind: Drop}})
}
