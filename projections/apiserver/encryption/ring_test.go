package encryption

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/keyset"
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

func TestABrokenKeyFileIsNamed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys")
	if err := os.WriteFile(path, []byte("k1 abcd\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path); err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "restore") {
		t.Fatal(err)
	}
}

func TestAnEmptyKeyFileIsMadeAnew(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path); err != nil {
		t.Fatal(err)
	}
	if st, err := os.Stat(path); err != nil || st.Size() == 0 || st.Mode().Perm() != 0o600 {
		t.Fatal(st, err)
	}
}

func TestABodyOfAnOlderKeyIsStale(t *testing.T) {
	m := keyset.NewManager()
	id, err := m.Add(aead.AES256GCMKeyTemplate())
	if err != nil || m.SetPrimary(id) != nil {
		t.Fatal(err)
	}
	h, err := m.Handle()
	if err != nil {
		t.Fatal(err)
	}
	older, err := ringOf(h)
	if err != nil {
		t.Fatal(err)
	}
	key, body, err := older.Encrypt([]byte("s3cret"), "a")
	if err != nil {
		t.Fatal(err)
	}
	next, err := m.Add(aead.AES256GCMKeyTemplate())
	if err != nil || m.SetPrimary(next) != nil {
		t.Fatal(err)
	}
	if h, err = m.Handle(); err != nil {
		t.Fatal(err)
	}
	newer, err := ringOf(h)
	if err != nil {
		t.Fatal(err)
	}
	if plain, stale, err := newer.Decrypt(key, body, "a"); err != nil || !stale || string(plain) != "s3cret" {
		t.Errorf("%q, stale %t, %v", plain, stale, err)
	}
	key2, body2, err := newer.Encrypt(nil, "a")
	if err != nil || key2 == key {
		t.Errorf("encrypts with %s: %v", key2, err)
	}
	if _, _, err := older.Decrypt(key2, body2, "a"); !errors.Is(err, ErrKey) {
		t.Error(err)
	}
}
