package nft

import (
	"bytes"
	"errors"
	"fmt"
	"maps"

	"cairn/dataplane/ruleset"

	"golang.org/x/sys/unix"
)

// ErrDamaged says that the table is not what Apply made of it; Apply it again.
var ErrDamaged = errors.New("the table in the kernel is not as we left it")

// Verify returns nil if the table is there and whole, an error that wraps
// ErrDamaged if not, and another error if it cannot be known. It is one
// small message as long as nobody changes any nftables ruleset of this
// namespace; after such a change, every element is read back once.
func (t *Table) Verify() error {
	if t.have == nil {
		return fmt.Errorf("nft: table %s was not written yet: %w", t.name, ErrDamaged)
	}
	now, err := t.conn.generation()
	if err != nil {
		return errors.Join(err, t.redial())
	}
	if now == t.trusted {
		return nil
	}
	if err := t.compare(); err != nil {
		t.trusted = 0
		if !errors.Is(err, ErrDamaged) {
			err = errors.Join(err, t.redial())
		} else {
			t.have = nil // so that Apply does not trust it either
		}
		return err
	}
	// Had a change come in while we read, the next Verify sees another number.
	t.trusted = now
	return nil
}

// compare reads the table back.
func (t *Table) compare() error {
	handles, err := t.readHandles()
	if err != nil {
		return err
	}
	if handles == nil {
		return fmt.Errorf("nft: table %s is gone: %w", t.name, ErrDamaged)
	}
	if !maps.Equal(handles, t.handles) {
		return fmt.Errorf("nft: chains or rules of table %s changed: %w", t.name, ErrDamaged)
	}
	var want [ruleset.Sets]map[string][]byte
	for s := range want {
		want[s] = map[string][]byte{}
	}
	for _, e := range t.have.Elements {
		k := encode(e)
		want[e.Set][string(k.Key)] = k.Val
	}
	for s := range want {
		if err := t.compareSet(ruleset.Set(s).String(), want[s]); err != nil {
			return err
		}
	}
	// Marks without a chain would be refused; their keys are enough, as only
	// we make chains.
	for _, name := range []string{dispatchSet, dispatchNodeSet} {
		if err := t.compareDispatch(name); err != nil {
			return err
		}
	}
	return nil
}

func (t *Table) compareSet(name string, want map[string][]byte) error {
	got, err := t.conn.GetSetElements(t.sets[name])
	if errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("nft: set %s of table %s is gone: %w", name, t.name, ErrDamaged)
	} else if err != nil {
		return fmt.Errorf("nft: read set %s: %w", name, err)
	}
	if len(got) != len(want) {
		return fmt.Errorf("nft: set %s of table %s has %d elements instead of %d: %w", name, t.name, len(got), len(want), ErrDamaged)
	}
	for _, e := range got {
		val, ok := want[string(e.Key)]
		if !ok || !bytes.Equal(val, e.Val) {
			return fmt.Errorf("nft: set %s of table %s has an element that is not ours: %w", name, t.name, ErrDamaged)
		}
	}
	return nil
}

func (t *Table) compareDispatch(name string) error {
	got, err := t.conn.GetSetElements(t.sets[name])
	if err != nil && !errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("nft: read map %s: %w", name, err)
	}
	keys := map[string]bool{}
	for _, e := range got {
		keys[string(e.Key)] = true
	}
	for _, b := range append([]ruleset.Balancer{{}, {NodePort: true}}, t.have.Balancers...) {
		if b.NodePort == (name == dispatchNodeSet) && !keys[string(native(uint32(b.Mark)))] {
			return fmt.Errorf("nft: map %s of table %s lacks %v: %w", name, t.name, b.Mark, ErrDamaged)
		}
	}
	return nil
}
