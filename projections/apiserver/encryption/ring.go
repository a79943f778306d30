package encryption

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/tink"
)

// ErrKey: a body was encrypted with a key that this ring does not hold.
var ErrKey = errors.New("encryption: the key ring lacks the key; restore the cell's key file")

// Ring holds the cell's keys: a Tink keyset.
type Ring struct {
	aead    tink.AEAD
	ids     map[string]bool
	primary string // the key of new bodies
}

// Open reads the keyset at path (Tink's JSON, in the clear: mode 0600). Where
// there is no file, or an empty one, it makes one with a new AES-256-GCM key.
func Open(path string) (*Ring, error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) || err == nil && len(b) == 0 {
		if b, err = create(path); err != nil {
			return nil, err
		}
	} else if err != nil {
		return nil, fmt.Errorf("encryption: %w", err)
	}
	h, err := insecurecleartextkeyset.Read(keyset.NewJSONReader(bytes.NewReader(b)))
	if err != nil {
		return nil, fmt.Errorf("encryption: %s is no keyset (%w): restore the file from a copy", path, err)
	}
	return ringOf(h)
}

func ringOf(h *keyset.Handle) (*Ring, error) {
	a, err := aead.New(h)
	if err != nil {
		return nil, fmt.Errorf("encryption: %w", err)
	}
	info := h.KeysetInfo()
	r := &Ring{aead: a, ids: map[string]bool{}, primary: keyID(info.GetPrimaryKeyId())}
	for _, k := range info.GetKeyInfo() {
		r.ids[keyID(k.GetKeyId())] = true
	}
	return r, nil
}

func keyID(id uint32) string { return strconv.FormatUint(uint64(id), 10) }

// create writes a new keyset, whole or not at all.
func create(path string) ([]byte, error) {
	h, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
	if err != nil {
		return nil, fmt.Errorf("encryption: make a key: %w", err)
	}
	var b bytes.Buffer
	if err := insecurecleartextkeyset.Write(h, keyset.NewJSONWriter(&b)); err != nil {
		return nil, fmt.Errorf("encryption: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("encryption: %w", err)
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".keyset-*") // mode 0600
	if err != nil {
		return nil, fmt.Errorf("encryption: %w", err)
	}
	defer os.Remove(f.Name())
	_, err = f.Write(b.Bytes())
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return nil, fmt.Errorf("encryption: %w", err)
	}
	return b.Bytes(), nil
}

// Encrypt encrypts plain for the place that context names (an object and
// column). It returns the key's id and the encrypted bytes.
func (r *Ring) Encrypt(plain []byte, context string) (string, []byte, error) {
	body, err := r.aead.Encrypt(plain, []byte(context))
	if err != nil {
		return "", nil, fmt.Errorf("encryption: %s: %w", context, err)
	}
	return r.primary, body, nil
}

// Decrypt decrypts what Encrypt made for the same context with the key named id,
// and reports whether that key is stale: new bodies have another. Its error
// wraps ErrKey where the ring lacks that key.
func (r *Ring) Decrypt(id string, body []byte, context string) (plain []byte, stale bool, err error) {
	if !r.ids[id] {
		return nil, false, fmt.Errorf("%w: %s", ErrKey, id)
	}
	if plain, err = r.aead.Decrypt(body, []byte(context)); err != nil {
		return nil, false, fmt.Errorf("encryption: body of %s was altered or belongs elsewhere", context)
	}
	return plain, id != r.primary, nil
}
