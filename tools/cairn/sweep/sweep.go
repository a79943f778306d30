package sweep

import (
	"fmt"
	"os"
	"path/filepath"

	"cairn/dataplane"
	"cairn/nodes/cgroups"
	"cairn/tools/cairn/cell"
)

// Cell removes everything that is left of a cell but its data. The processes of
// supervisor, server and node must have ended before.
func Cell(paths cell.Paths, s *cell.Settings) error {
	// Containers are found by the cell's name: another cell may bear it.
	if owner, held, err := dataplane.Holder(cell.NetState, s.Name); err != nil {
		return err
	} else if held && owner != "" && owner != paths.Data && there(filepath.Join(owner, "cell.json")) {
		return runDir(paths)
	}
	layout, err := cgroups.Detect()
	if err != nil {
		return err
	}
	if err := processes(paths.Programs(), layout, Group(s.Name)); err != nil {
		return err
	}
	if err := mounts(paths.Run, paths.Node()); err != nil {
		return err
	}
	if err := layout.Remove(Group(s.Name)); err != nil {
		return fmt.Errorf("remove the cell's cgroups: %w", err)
	}
	layout.RemoveIfEmpty(Root)
	if err := network(s); err != nil {
		return err
	}
	return runDir(paths)
}

func there(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func runDir(paths cell.Paths) error {
	if !cell.Claimed(paths) {
		return nil
	}
	if err := os.RemoveAll(paths.Run); err != nil {
		return fmt.Errorf("remove %s: %w", paths.Run, err)
	}
	return nil
}

// Root is the cgroup that all cells' cgroups lie in.
const Root = "/cairn"

// Group is the cgroup that all of a cell's pods lie in.
func Group(name string) string { return Root + "/" + name }
