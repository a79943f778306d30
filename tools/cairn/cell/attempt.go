package cell

import (
	"errors"
	"os"
	"path/filepath"
)

// begun is there once the cell's first record stands in its ledger: from then
// on the folder holds what is nowhere else.
func (p Paths) begun() string { return filepath.Join(p.Data, "begun") }

// MarkBegun notes that the cell's ledger has its first record.
func MarkBegun(p Paths) error {
	if _, err := os.Stat(p.begun()); err == nil {
		return nil
	}
	return Replace(p.begun(), []byte("the first record stands in the ledger\n"), 0o644)
}

// Attempt is one `cairn up`: it knows what was there before it.
type Attempt struct {
	paths  Paths
	first  bool // there were no settings
	had    map[string]bool
	before map[string]bool // of Data, Run: there already
}

// Begin makes the cell's folders, and notes what it finds.
func Begin(p Paths) (*Attempt, error) {
	a := &Attempt{paths: p, had: map[string]bool{}, before: map[string]bool{}}
	_, err := os.Stat(p.Settings())
	a.first = errors.Is(err, os.ErrNotExist)
	for _, dir := range []string{p.Data, p.Run} {
		list, err := os.ReadDir(dir)
		a.before[dir] = err == nil
		for _, e := range list {
			a.had[filepath.Join(dir, e.Name())] = true
		}
		if err := os.MkdirAll(dir, 0o711); err != nil {
			return nil, err
		}
	}
	return a, nil
}

// First reports whether the cell is to be started for the first time.
func (a *Attempt) First() bool { return a.first }

// Undo removes what a start that failed has made: a run folder with nothing in
// it and, if it was the first start, all the rest, so that the next one is a
// first one again. Once the ledger has the cell's record, or while another
// holds the cell, that stays; and so does always what was there before.
func (a *Attempt) Undo() error {
	lock, err := Take(a.paths)
	if err != nil {
		return nil
	}
	defer lock.Release()
	if _, err := os.Stat(a.paths.begun()); err == nil || !a.first {
		if list, err := os.ReadDir(a.paths.Run); err == nil && len(list) == 1 && Claimed(a.paths) {
			return a.empty(a.paths.Run)
		}
		return nil
	}
	var errs error
	if Claimed(a.paths) {
		errs = a.empty(a.paths.Run)
	}
	return errors.Join(errs, a.empty(a.paths.Data))
}

// empty removes what is new in a folder, and the folder if it is.
func (a *Attempt) empty(dir string) error {
	list, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	var errs error
	for _, e := range list {
		if path := filepath.Join(dir, e.Name()); !a.had[path] {
			errs = errors.Join(errs, os.RemoveAll(path))
		}
	}
	if !a.before[dir] {
		os.Remove(dir) // not empty where something was put in meanwhile: it stays
	}
	return errs
}
