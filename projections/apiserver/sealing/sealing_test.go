package sealing

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestOnlyTheSamePlaceOpensWhatWasSealed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys")
	r, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	id, sealed := r.Seal([]byte("s3cret"), "secrets/default/a 1")
	if bytes.Contains(sealed, []byte("s3cret")) {
		t.Fatal("plain text in the sealed body")
	}
	again, err := Open(path) // as after a restart
	if err != nil {
		t.Fatal(err)
	}
	if plain, err := again.Open(id, sealed, "secrets/default/a 1"); err != nil || string(plain) != "s3cret" {
		t.Fatalf("%q, %v", plain, err)
	}
	if _, err := again.Open(id, sealed, "secrets/default/b 1"); err == nil {
		t.Fatal("opened for another object")
	}
	sealed[len(sealed)-1] ^= 1
	if _, err := again.Open(id, sealed, "secrets/default/a 1"); err == nil {
		t.Fatal("opened though altered")
	}
	if _, err := again.Open("other", sealed, ""); !errors.Is(err, ErrKey) {
		t.Fatal(err)
	}
}

func TestABrokenKeyFileIsNamedWithItsLine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys")
	if err := os.WriteFile(path, []byte("k1 abcd\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path); err == nil || !bytes.Contains([]byte(err.Error()), []byte("line 1")) {
		t.Fatal(err)
	}
}
