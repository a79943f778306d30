package powertest_test

import (
	"os"
	"path/filepath"
	"testing"

	"cairn/events/ledger/ledgertest/powertest"
)

func TestWhatWasNotSyncedIsLostWithThePower(t *testing.T) {
	d := powertest.New(t, 16<<20)
	for _, name := range []string{"synced", "not"} {
		f, err := os.Create(filepath.Join(d.Dir, name))
		if err == nil {
			_, err = f.WriteString(name)
		}
		if err == nil && name == "synced" {
			err = f.Sync()
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	d.Cut(t)
	if err := os.WriteFile(filepath.Join(d.Dir, "late"), nil, 0o600); err == nil {
		t.Fatal("a file was made without power")
	}
	d.Restore(t)
	if b, err := os.ReadFile(filepath.Join(d.Dir, "synced")); err != nil || string(b) != "synced" {
		t.Fatalf("what was synced is %q, %v", b, err)
	}
	if b, err := os.ReadFile(filepath.Join(d.Dir, "not")); err == nil && len(b) > 0 {
		t.Fatalf("what was not synced is there: %q", b)
	}
}
