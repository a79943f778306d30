package host

import (
	"os"
	"path/filepath"
)

const notesFile = "pod.json"

// Save implements runtime.Notes.
func (p *pod) Save(notes []byte) error {
	if err := os.MkdirAll(p.data, 0o711); err != nil {
		return err
	}
	tmp := filepath.Join(p.data, notesFile+".tmp")
	if err := os.WriteFile(tmp, notes, 0o600); err != nil {
		return err
	}
	return os.Rename(tmp, filepath.Join(p.data, notesFile))
}

// Load implements runtime.Notes.
func (p *pod) Load() ([]byte, error) { return os.ReadFile(filepath.Join(p.data, notesFile)) }

// Forget implements runtime.Notes.
func (p *pod) Forget() error { return os.RemoveAll(p.data) }
