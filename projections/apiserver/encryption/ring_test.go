package encryption

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestOnlyTheSamePlaceDecryptsABody(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys")
	r, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	id, body, err := r.Encrypt([]byte("s3cret"), "secrets/default/a 1")
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(body, []byte("s3cret")) {
		t.Fatal("plain text in the body")
	}
	again, err := Open(path) // as after a restart
	if err != nil {
		t.Fatal(err)
	}
	if plain, stale, err := again.Decrypt(id, body, "secrets/default/a 1"); err != nil || stale || string(plain) != "s3cret" {
		t.Fatalf("%q, %v", plain, err)
	}
	if _, _, err := again.Decrypt(id, body, "secrets/default/b 1"); err == nil {
		t.Fatal("decrypted for another object")
	}
	body[len(body)-1] ^= 1
	if _, _, err := again.Decrypt(id, body, "secrets/default/a 1"); err == nil {
		t.Fatal("decrypted though altered")
	}
	if _, _, err := again.Decrypt("other", body, ""); !errors.Is(err, ErrKey) {
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

func TestABodyOfAnOlderKeyIsStale(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys")
	r, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	id, body, err := r.Encrypt([]byte("s3cret"), "a")
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString("k2 " + strings.Repeat("ab", 32) + "\n"); err != nil {
		t.Fatal(err)
	}
	f.Close()
	if r, err = Open(path); err != nil {
		t.Fatal(err)
	}
	if plain, stale, err := r.Decrypt(id, body, "a"); err != nil || !stale || string(plain) != "s3cret" {
		t.Errorf("%q, stale %t, %v", plain, stale, err)
	}
	if id, _, _ := r.Encrypt(nil, "a"); id != "k2" {
		t.Errorf("encrypts with %s", id)
	}
}
