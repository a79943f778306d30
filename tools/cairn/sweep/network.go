package sweep

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"cairn/dataplane"
	"cairn/tools/cairn/cell"
)

// network removes the cell's links, routes, rules and changed settings: those
// that its claim names. A cell that never made its network (its ranges were
// refused, say) has none; another cell may have those ranges.
func network(s *cell.Settings) error {
	if err := dataplane.Purge(dataplane.Config{Cell: s.Name, StateDir: cell.NetState}); err != nil {
		return fmt.Errorf("remove the cell's network: %w", err)
	}
	// The folder is shared: the last cell's end removes it.
	if err := os.Remove(cell.NetState); err != nil && !errors.Is(err, os.ErrNotExist) && !errors.Is(err, syscall.ENOTEMPTY) {
		return err
	}
	return nil
}
