package nft

import (
	"errors"
	"fmt"
	"strings"

	"cairn/dataplane/ruleset"

	"github.com/google/nftables"
	"golang.org/x/sys/unix"
)

// refill brings a table in an unknown state to r: by emptying and filling its
// sets if its chains are ours and whole, for that loses no connection, else by
// making it anew.
func (t *Table) refill(r ruleset.Ruleset) error {
	whole, err := t.adopt(r)
	if err != nil {
		return err
	}
	if whole {
		for _, name := range setOrder {
			if name != stickySet { // clients keep their endpoints
				t.conn.FlushSet(t.sets[name])
			}
		}
	} else {
		t.create(r)
	}
	fresh := t.missing(r.Balancers)
	for _, b := range fresh {
		t.addRules(t.conn.AddChain(&nftables.Chain{Name: b.Mark.Chain(b.NodePort), Table: t.table}), b.Rules())
	}
	// A service without endpoints has a mark, too; it goes to a constant chain.
	if err := t.addDispatch(append([]ruleset.Balancer{{}, {NodePort: true}}, r.Balancers...)); err != nil {
		return err
	}
	var come [ruleset.Sets][]nftables.SetElement
	for _, e := range r.Elements {
		come[e.Set] = append(come[e.Set], encode(e))
	}
	if err := t.add(come); err != nil {
		return err
	}
	if err := t.commit(true); err != nil {
		return err
	}
	t.handles = nil
	return t.done(r, fresh)
}

// create queues a new table in place of any old one.
func (t *Table) create(r ruleset.Ruleset) {
	t.chains = map[string]bool{}
	t.conn.AddTable(t.table) // so that deleting cannot fail
	t.conn.DelTable(t.table)
	t.conn.AddTable(t.table)
	for _, name := range setOrder {
		// The only error is about anonymous sets, and ours have names.
		_ = t.conn.AddSet(t.sets[name], nil)
	}
	t.conn.AddChain(&nftables.Chain{Name: seal(r), Table: t.table})
	for _, c := range r.Chains { // callees stand before their callers
		t.addRules(t.conn.AddChain(t.chain(c)), c.Rules)
	}
}

func (t *Table) chain(c ruleset.Chain) *nftables.Chain {
	out := &nftables.Chain{Name: c.Name, Table: t.table}
	if c.Hook == ruleset.NoHook {
		return out
	}
	out.Hooknum = map[ruleset.Hook]*nftables.ChainHook{
		ruleset.Prerouting: nftables.ChainHookPrerouting, ruleset.Output: nftables.ChainHookOutput,
		ruleset.Postrouting: nftables.ChainHookPostrouting,
	}[c.Hook]
	out.Priority = nftables.ChainPriorityRef(nftables.ChainPriority(c.Priority))
	out.Type = nftables.ChainTypeFilter
	if c.NAT {
		out.Type = nftables.ChainTypeNAT
	}
	return out
}

// adopt says whether the kernel's table has our seal, our sets and all rules
// of its chains, and learns its balancing chains.
func (t *Table) adopt(r ruleset.Ruleset) (bool, error) {
	t.chains = map[string]bool{}
	handles, err := t.readHandles()
	if err != nil || handles == nil {
		return false, err
	}
	if _, ok := handles[seal(r)]; !ok {
		return false, nil
	}
	count := func(chain string) int { return len(strings.Fields(handles[chain])) }
	for _, c := range r.Chains {
		if count(c.Name) != len(c.Rules) {
			return false, nil
		}
	}
	kernel, err := t.conn.GetSets(t.table)
	if err != nil {
		return false, fmt.Errorf("list the sets: %w", err)
	}
	if len(kernel) != len(setOrder) {
		return false, nil
	}
	for chain := range handles {
		if !strings.HasPrefix(chain, "lb-") && !strings.HasPrefix(chain, "np-") {
			continue
		}
		if n := count(chain); n != 3 && n != 5 { // plain and sticky ones
			return false, nil
		}
		t.chains[chain] = true
	}
	return true, nil
}

// readHandles lists the rules of all our chains; nil if there is no table.
func (t *Table) readHandles() (map[string]string, error) {
	chains, err := t.conn.ListChainsOfTableFamily(nftables.TableFamilyIPv4)
	if err != nil {
		return nil, fmt.Errorf("list the chains: %w", err)
	}
	var out map[string]string
	for _, c := range chains {
		if c.Table.Name != t.name {
			continue
		}
		rules, err := t.conn.GetRules(t.table, c)
		if err != nil && !errors.Is(err, unix.ENOENT) {
			return nil, fmt.Errorf("list the rules of %s: %w", c.Name, err)
		}
		var w strings.Builder
		for _, r := range rules {
			fmt.Fprintf(&w, "%d ", r.Handle)
		}
		if out == nil {
			out = map[string]string{}
		}
		out[c.Name] = w.String()
	}
	return out, nil
}

// Exists says whether the kernel has a table of this cell, whatever is in it.
func (t *Table) Exists() (bool, error) {
	tables, err := t.conn.ListTablesOfFamily(nftables.TableFamilyIPv4)
	if err != nil {
		return false, fmt.Errorf("nft: list the tables: %w", err)
	}
	for _, table := range tables {
		if table.Name == t.name {
			return true, nil
		}
	}
	return false, nil
}
