package cell

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
)

// owner is the file in RunDir that says whose it is: RunDir is removed at the
// end, so it must be nobody else's.
func (p Paths) owner() string { return filepath.Join(p.Run, "owner") }

// Claim makes RunDir this cell's; a folder with anything of somebody else's in
// it is refused.
func Claim(p Paths) error {
	b, err := os.ReadFile(p.owner())
	switch data := strings.TrimSpace(string(b)); {
	case err == nil && data == p.Data:
		return nil
	case err == nil && running(data):
		return Refuse("%s belongs to the cell in %s, which runs: choose another --run-dir (or --name)", p.Run, data)
	case err == nil:
		return Refuse("%s is left of the cell in %s: clean it with `cairn down --data-dir %s --run-dir %s`, or choose another --run-dir", p.Run, data, data, p.Run)
	case !errors.Is(err, os.ErrNotExist):
		return err
	}
	list, err := os.ReadDir(p.Run)
	if err != nil {
		return err
	}
	if len(list) > 0 {
		return Refuse("%s holds %s and is no cell's: choose another --run-dir, it is emptied when a cell ends", p.Run, list[0].Name())
	}
	return Replace(p.owner(), []byte(p.Data+"\n"), 0o644)
}

// running reports whether a supervisor holds the lock of a data folder.
func running(data string) bool {
	l, err := Take(Paths{Data: data})
	if err == nil {
		l.Release()
	}
	return ExitCode(err) == ExitRefused
}

// Claimed reports whether RunDir is this cell's to remove.
func Claimed(p Paths) bool {
	b, err := os.ReadFile(p.owner())
	return err == nil && strings.TrimSpace(string(b)) == p.Data
}
