package sweep

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"syscall"

	"cairn/dataplane"
	"cairn/tools/cairn/cell"
)

// network removes the cell's links, routes, rules and changed settings. It
// needs the cell's ranges alone: what was made is found by name and number.
func network(s *cell.Settings) error {
	pods, err := netip.ParsePrefix(s.PodRange)
	if err != nil {
		return fmt.Errorf("the cell's pod range: %w", err)
	}
	services, err := netip.ParsePrefix(s.ServiceRange)
	if err != nil {
		return fmt.Errorf("the cell's service range: %w", err)
	}
	err = dataplane.Purge(dataplane.Config{
		Cell: s.Name, LinkPrefix: s.LinkPrefix(), PodRange: pods, ServiceRange: services, NodeRange: pods,
		NodeAddr: anyAddress(), StateDir: cell.NetState,
	})
	if err != nil {
		return fmt.Errorf("remove the cell's network: %w", err)
	}
	// The folder is shared: the last cell's end removes it.
	if err := os.Remove(cell.NetState); err != nil && !errors.Is(err, os.ErrNotExist) && !errors.Is(err, syscall.ENOTEMPTY) {
		return err
	}
	return nil
}

// anyAddress is some address for a config that only names what to remove.
func anyAddress() netip.Addr { return netip.AddrFrom4([4]byte{127, 0, 0, 1}) }
