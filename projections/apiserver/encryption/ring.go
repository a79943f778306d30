package encryption

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// ErrKey: a body was encrypted with a key that this ring does not hold.
var ErrKey = errors.New("encryption: the key ring lacks the key; restore the cell's key file")

// Ring holds the cell's keys.
type Ring struct {
	keys map[string]cipher.AEAD
	last string
}

// Open reads the key file at path, one "ID HEX" line per key; the last one
// encrypts. Where there is no file it makes one with a new key, mode 0600.
func Open(path string) (*Ring, error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		if b, err = create(path); err != nil {
			return nil, err
		}
	} else if err != nil {
		return nil, fmt.Errorf("encryption: %w", err)
	}
	r := &Ring{keys: map[string]cipher.AEAD{}}
	for n, line := range strings.Split(strings.TrimSpace(string(b)), "\n") {
		id, text, _ := strings.Cut(strings.TrimSpace(line), " ")
		key, err := hex.DecodeString(strings.TrimSpace(text))
		if err != nil || len(key) != 32 || id == "" {
			return nil, fmt.Errorf("encryption: %s line %d: want an id and 64 hex digits; restore the file from a copy", path, n+1)
		}
		if err := r.add(id, key); err != nil {
			return nil, err
		}
	}
	return r, nil
}

func create(path string) ([]byte, error) {
	var id [4]byte
	var key [32]byte
	rand.Read(id[:])
	rand.Read(key[:])
	line := []byte(hex.EncodeToString(id[:]) + " " + hex.EncodeToString(key[:]) + "\n")
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("encryption: %w", err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("encryption: %w", err)
	}
	defer f.Close()
	if _, err := f.Write(line); err != nil {
		return nil, fmt.Errorf("encryption: %w", err)
	}
	return line, f.Sync()
}

func (r *Ring) add(id string, key []byte) error {
	block, err := aes.NewCipher(key)
	if err != nil {
		return fmt.Errorf("encryption: %w", err)
	}
	if r.keys[id], err = cipher.NewGCM(block); err != nil {
		return fmt.Errorf("encryption: %w", err)
	}
	r.last = id
	return nil
}

// Encrypt encrypts plain for the place that context names (an object and
// column). It returns the key's id and the encrypted bytes.
func (r *Ring) Encrypt(plain []byte, context string) (string, []byte, error) {
	nonce := make([]byte, 12, 12+len(plain)+16)
	rand.Read(nonce)
	return r.last, r.keys[r.last].Seal(nonce, nonce, plain, []byte(context)), nil
}

// Decrypt decrypts what Encrypt made for the same context with the key named id,
// and reports whether that key is stale: new bodies have another. Its error
// wraps ErrKey where the ring lacks that key.
func (r *Ring) Decrypt(id string, body []byte, context string) (plain []byte, stale bool, err error) {
	a, ok := r.keys[id]
	if !ok {
		return nil, false, fmt.Errorf("%w: %s", ErrKey, id)
	}
	if len(body) < 12 {
		return nil, false, fmt.Errorf("encryption: body of %s is too short", context)
	}
	if plain, err = a.Open(nil, body[:12], body[12:], []byte(context)); err != nil {
		return nil, false, fmt.Errorf("encryption: body of %s was altered or belongs elsewhere", context)
	}
	return plain, id != r.last, nil
}
