package dataplane

import (
	"context"
	"errors"
	"slices"
	"time"

	"cairn/dataplane/nft"
)

// watch compares the kernel with what is wanted until ctx ends.
func (d *Dataplane) watch(ctx context.Context) {
	tick := time.NewTicker(d.cfg.RepairEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		did, err := d.repair()
		for _, what := range did {
			d.cfg.Log.Warn("repaired", "what", what)
			d.cfg.OnRepair(what)
		}
		if err != nil {
			// The next tick tries again; the daemon's health is not this loop's.
			d.cfg.Log.Error("repair failed, will try again", "error", err)
		}
	}
}

// repair looks once at links, routes, sysctls, addresses and the table, and
// says what it put back.
func (d *Dataplane) repair() ([]string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	did, errs := d.net.Repair()
	addrs, err := d.cfg.nodeAddrs()
	errs = errors.Join(errs, err)
	if err == nil && !slices.Equal(addrs, d.nodeAddrs) {
		d.nodeAddrs = addrs // the machine's own doing, no damage
		errs = errors.Join(errs, d.apply())
	}
	if !d.known {
		return did, errs
	}
	switch err := d.table.Verify(); {
	case errors.Is(err, nft.ErrDamaged):
		if again := d.apply(); again != nil {
			return did, errors.Join(errs, again)
		}
		did = append(did, err.Error())
	case err != nil:
		errs = errors.Join(errs, err)
	}
	return did, errs
}
