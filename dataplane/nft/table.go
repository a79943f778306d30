package nft

import (
	"errors"
	"fmt"

	"cairn/dataplane/ruleset"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// Table is a cell's table in the kernel.
//
// Invariant: if have is not nil, the kernel's table held exactly its elements
// after the last transaction of ours, and trusted says at which generation.
type Table struct {
	name  string
	conn  *conn
	table *nftables.Table
	sets  map[string]*nftables.Set

	have    *ruleset.Ruleset
	chains  map[string]bool   // balancing chains that exist
	handles map[string]string // chain -> its rules' handles
	trusted uint32            // 0: look closely at the next Verify
}

// Open connects to the kernel. It changes nothing: an existing table of this
// cell goes on working until the first Apply takes it over.
func Open(cfg ruleset.Config) (*Table, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	c, err := dial()
	if err != nil {
		return nil, err
	}
	t := &Table{name: cfg.TableName(), conn: c, table: &nftables.Table{Family: nftables.TableFamilyIPv4, Name: cfg.TableName()}}
	t.sets = sets(t.table)
	return t, nil
}

// Close gives the socket back and leaves the table as it is.
func (t *Table) Close() error { return t.conn.CloseLasting() }

// Apply makes the table equal to r, in one transaction, and lets go of UDP
// connections whose endpoint is gone. After an error the table is as it was,
// or as r wants it; the next Apply finds out.
func (t *Table) Apply(r ruleset.Ruleset) error {
	old := t.have
	if old != nil && seal(*old) == seal(r) {
		ops := ruleset.Diff(*old, r)
		err := t.change(r, ops)
		if err == nil {
			return t.forgetRemoved(r, ops)
		}
		// The table is not what we thought, or the answer got lost (ENOBUFS
		// comes though the transaction was applied): fill it anew.
		t.have = nil
		if err := t.redial(); err != nil {
			return err
		}
	}
	if err := t.refill(r); err != nil {
		t.have = nil
		return errors.Join(fmt.Errorf("nft: write table %s: %w", t.name, err), t.redial())
	}
	return t.sweep(r)
}

// Delete removes a table by its name; it is not an error if there is none.
func Delete(name string) error {
	c, err := dial()
	if err != nil {
		return err
	}
	t := &Table{name: name, conn: c, table: &nftables.Table{Family: nftables.TableFamilyIPv4, Name: name}}
	return errors.Join(t.Delete(), t.Close())
}

// Delete removes the table, with all that is in it. It is not an error if
// there is none.
func (t *Table) Delete() error {
	t.have, t.trusted = nil, 0
	t.conn.AddTable(t.table) // so that deleting cannot fail
	t.conn.DelTable(t.table)
	if err := t.conn.commit(); err != nil {
		return errors.Join(fmt.Errorf("nft: delete table %s: %w", t.name, err), t.redial())
	}
	return nil
}

func (t *Table) redial() error {
	_ = t.conn.CloseLasting() // it is of no use any more
	c, err := dial()
	if err != nil {
		return err
	}
	t.conn = c
	return nil
}

// commit sends the transaction and notes the generation it led to, if nobody
// else's came in between.
func (t *Table) commit(whole bool) error {
	before, err := t.conn.generation()
	if err != nil {
		return err
	}
	if err := t.conn.commit(); err != nil {
		return err
	}
	after, err := t.conn.generation()
	if err != nil {
		return err
	}
	if after == before+1 && (whole || before == t.trusted) {
		t.trusted = after
	} else {
		t.trusted = 0
	}
	return nil
}

// change sends the difference only.
func (t *Table) change(r ruleset.Ruleset, ops []ruleset.Op) error {
	fresh := t.missing(r.Balancers)
	if len(ops) == 0 && len(fresh) == 0 {
		t.have = &r
		return nil
	}
	if err := t.addBalancers(fresh); err != nil {
		return err
	}
	var gone, come [ruleset.Sets][]nftables.SetElement
	for _, op := range ops {
		e := encode(op.Element)
		if op.Delete {
			gone[op.Element.Set] = append(gone[op.Element.Set], nftables.SetElement{Key: e.Key})
		} else {
			come[op.Element.Set] = append(come[op.Element.Set], e)
		}
	}
	for s, elements := range gone {
		for _, list := range chunks(elements) {
			if err := t.conn.SetDeleteElements(t.sets[ruleset.Set(s).String()], list); err != nil {
				return err
			}
		}
	}
	if err := t.add(come); err != nil {
		return err
	}
	if err := t.commit(false); err != nil {
		return err
	}
	return t.done(r, fresh)
}

func (t *Table) add(come [ruleset.Sets][]nftables.SetElement) error {
	for s, elements := range come {
		for _, list := range chunks(elements) {
			if err := t.conn.SetAddElements(t.sets[ruleset.Set(s).String()], list); err != nil {
				return err
			}
		}
	}
	return nil
}

// done takes note of a transaction that succeeded.
func (t *Table) done(r ruleset.Ruleset, fresh []ruleset.Balancer) error {
	for _, b := range fresh {
		t.chains[b.Mark.Chain(b.NodePort)] = true
	}
	t.have = &r
	if len(fresh) == 0 && t.handles != nil {
		return nil
	}
	handles, err := t.readHandles()
	if err != nil {
		return err
	}
	t.handles = handles
	return nil
}

// missing are the balancers whose chain is not there yet. Chains that are no
// longer used stay until the table is made anew: they are few, and a service
// that scales to and fro would make and remove them all the time.
func (t *Table) missing(all []ruleset.Balancer) []ruleset.Balancer {
	var out []ruleset.Balancer
	for _, b := range all {
		if !t.chains[b.Mark.Chain(b.NodePort)] {
			out = append(out, b)
		}
	}
	return out
}

// addBalancers queues chains with their rules.
func (t *Table) addBalancers(bs []ruleset.Balancer) error {
	for _, b := range bs {
		t.addRules(t.conn.AddChain(&nftables.Chain{Name: b.Mark.Chain(b.NodePort), Table: t.table}), b.Rules())
	}
	return t.addDispatch(bs)
}

// addDispatch queues the way from marks to chains.
func (t *Table) addDispatch(bs []ruleset.Balancer) error {
	var plain, node []nftables.SetElement
	for _, b := range bs {
		e := nftables.SetElement{
			Key:         native(uint32(b.Mark)),
			VerdictData: &expr.Verdict{Kind: unix.NFT_GOTO, Chain: b.Mark.Chain(b.NodePort)},
		}
		if b.NodePort {
			node = append(node, e)
		} else {
			plain = append(plain, e)
		}
	}
	for _, list := range chunks(plain) {
		if err := t.conn.SetAddElements(t.sets[dispatchSet], list); err != nil {
			return err
		}
	}
	for _, list := range chunks(node) {
		if err := t.conn.SetAddElements(t.sets[dispatchNodeSet], list); err != nil {
			return err
		}
	}
	return nil
}

func (t *Table) addRules(c *nftables.Chain, rules []ruleset.Rule) {
	for _, r := range rules {
		t.conn.AddRule(&nftables.Rule{Table: t.table, Chain: c, Exprs: rule(r)})
	}
}
