package sweep

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"cairn/dataplane"
	"cairn/tools/cairn/cell"
)

// network removes the cell's links, routes, rules and changed settings. It
// needs the cell's ranges alone: what was made is found by name and number.
//
// A cell that never made its network (its ranges were refused, say) has nothing
// to remove; another cell may have those ranges.
func network(s *cell.Settings) error {
	if claimed, err := claimsNetwork(s.Name); err != nil || !claimed {
		return err
	}
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

// claimsNetwork tells whether the dataplane noted that the cell has links,
// routes or settings in this network namespace.
func claimsNetwork(name string) (bool, error) {
	space, err := os.Readlink("/proc/thread-self/ns/net") // net:[4026531840]
	if err != nil {
		return false, fmt.Errorf("which network namespace is this: %w", err)
	}
	_, err = os.Stat(filepath.Join(cell.NetState, strings.Trim(strings.TrimPrefix(space, "net:"), "[]"), name+".json"))
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// anyAddress is some address for a config that only names what to remove.
func anyAddress() netip.Addr { return netip.AddrFrom4([4]byte{192, 0, 2, 1}) }
