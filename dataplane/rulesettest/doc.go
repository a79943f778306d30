// Package rulesettest reads the text in which dataplane tests describe a node and
// its services, so that ruleset, trace and nft speak of the same cell.
//
// In: text. Out: a ruleset.Config and ruleset.Services.
//
// A node is one line of words: pods=A,B (attached here), peers=P,Q (other
// nodes' ranges), local=A (answered here), nodes=A,B (node ports answer
// there). The rest of the config is fixed, see Node. A service is one line a
// port:
//
//	NAMESPACE/NAME VIP PROTOCOL/PORT [node=N] [sticky=DURATION] [-> ENDPOINT...]
//
// with "none" as the VIP of a headless one. Lines with one name are ports of
// one service. Empty lines and what follows # are skipped.
//
// Pure: no goroutine, no I/O. Only tests import it.
//
// Read first: Node, then trace/testdata/who-may-reach-what.
package rulesettest
