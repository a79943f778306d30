package embedded

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"cairn/events"
	"cairn/events/ledger"
)

const (
	lockName      = "lock"
	formatName    = "format"
	cleanName     = "clean"
	tornName      = "torn"
	segmentSuffix = ".seg"
	tmpSuffix     = ".tmp"
)

func segmentName(first events.Offset) string {
	return fmt.Sprintf("%020d%s", int64(first), segmentSuffix)
}

// listSegments returns the first offsets of the segments in dir, ascending.
func listSegments(dir string) ([]events.Offset, error) {
	entries, err := os.ReadDir(dir) // sorted by name, and names have one width
	if err != nil {
		return nil, err
	}
	var firsts []events.Offset
	for _, e := range entries {
		stem, ok := strings.CutSuffix(e.Name(), segmentSuffix)
		if !ok {
			continue
		}
		n, err := strconv.ParseInt(stem, 10, 64)
		if err != nil || segmentName(events.Offset(n)) != e.Name() {
			return nil, fmt.Errorf("%w: %s is no name of a segment: move it out of the ledger's folder", ledger.ErrSettings, filepath.Join(dir, e.Name()))
		}
		firsts = append(firsts, events.Offset(n))
	}
	return firsts, nil
}

// readFormat returns the ledger's id. os.ErrNotExist: there is no ledger.
func readFormat(dir string) (ledgerID, error) {
	var id ledgerID
	path := filepath.Join(dir, formatName)
	b, err := os.ReadFile(path)
	if err != nil {
		return id, err
	}
	var number int
	var text string
	if _, err := fmt.Sscanf(string(b), "cairn ledger %d\n", &number); err != nil {
		return id, fmt.Errorf("%w: %s is not the format file of a ledger: name the ledger's own folder", ledger.ErrSettings, path)
	}
	if number > formatNumber {
		return id, newerFormat(path, number)
	}
	if _, err := fmt.Sscanf(string(b), "cairn ledger %d\nid %s\n", &number, &text); err != nil {
		return id, fmt.Errorf("%w: %s names no ledger id: restore it from a copy", ledger.ErrSettings, path)
	}
	raw, err := hex.DecodeString(text)
	if err != nil || len(raw) != len(id) {
		return id, fmt.Errorf("%w: %s has the id %q, want 32 hex digits: restore it from a copy", ledger.ErrSettings, path, text)
	}
	copy(id[:], raw)
	return id, nil
}

func newerFormat(path string, number int) error {
	return fmt.Errorf("%w: %s has format %d, this program knows up to %d: use the newer cairn that wrote it", ledger.ErrSettings, path, number, formatNumber)
}

// prepare returns the id of the ledger in dir and whether there is one; for an
// empty folder, a new id. The caller holds the lock.
func prepare(dir string) (id ledgerID, found bool, err error) {
	id, err = readFormat(dir)
	if !errors.Is(err, os.ErrNotExist) {
		return id, err == nil, err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return id, false, err
	}
	for _, e := range entries {
		if e.Name() != lockName && e.Name() != formatName+tmpSuffix {
			return id, false, fmt.Errorf("%w: %s holds no ledger but has other files (%s): name an empty folder or a ledger's", ledger.ErrSettings, dir, e.Name())
		}
	}
	_, err = rand.Read(id[:])
	return id, false, err
}

func formatOf(id ledgerID) []byte {
	return fmt.Appendf(nil, "cairn ledger %d\nid %x\n", formatNumber, id)
}

// makeFolder makes dir and the folders above it that are missing, durably.
func makeFolder(d disk, dir string) error {
	err := os.Mkdir(dir, 0o700)
	switch {
	case errors.Is(err, os.ErrExist):
		return nil
	case errors.Is(err, os.ErrNotExist):
		if err = makeFolder(d, filepath.Dir(dir)); err == nil {
			err = os.Mkdir(dir, 0o700)
		}
	}
	if err != nil {
		return err
	}
	return d.syncDir(filepath.Dir(dir))
}

// full turns a full disk into ErrFull.
func full(err error) error {
	if err != nil && isFull(err) {
		return fmt.Errorf("%w: make room and try again: %w", ledger.ErrFull, err)
	}
	return err
}

// cleanMark is the true end of a log that was closed in good order.
type cleanMark struct {
	first events.Offset // of the last segment
	bytes int64         // valid in it
	end   events.Offset
}

// before reports whether the log went on since: then the mark's removal was
// lost, and it says nothing. Bytes are those of the segment that begins with first.
func (c cleanMark) before(first events.Offset, bytes int64) bool {
	return c.first < first || c.first == first && c.bytes < bytes
}

func (c cleanMark) encode() []byte {
	return fmt.Appendf(nil, "segment %d bytes %d end %d\n", int64(c.first), c.bytes, int64(c.end))
}

// readClean returns the mark, or nil when there is none.
func readClean(dir string) (*cleanMark, error) {
	b, err := os.ReadFile(filepath.Join(dir, cleanName))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var first, size, end int64
	if _, err := fmt.Sscanf(string(b), "segment %d bytes %d end %d\n", &first, &size, &end); err != nil ||
		!bytes.Equal(b, cleanMark{events.Offset(first), size, events.Offset(end)}.encode()) {
		return nil, &ledger.Damage{Where: filepath.Join(dir, cleanName), Byte: 0, What: "it does not say where the ledger ends"}
	}
	return &cleanMark{events.Offset(first), size, events.Offset(end)}, nil
}
