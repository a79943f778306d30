package embedded_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"cairn/events"
	"cairn/events/ledger"
	"cairn/events/ledger/embedded"
	"cairn/events/ledger/ledgertest"
)

// crash lets the n-th operation on the disk fail and every one after it, as if
// the machine had lost power there. Of a write, some bytes get to the disk.
type crash struct {
	random *rand.Rand
	n      int
	count  int
	op     embedded.Op
	path   string // of the last write
	at     int64
	size   int
	synced bool // since that write
}

var errPower = errors.New("injected: the power is gone")

func (c *crash) fault(op embedded.Op, path string, at int64, size int) (int, error) {
	c.count++
	if c.count < c.n {
		switch op {
		case embedded.OpWrite:
			c.path, c.at, c.size, c.synced = path, at, size, false
		case embedded.OpSync:
			c.synced = true
		}
		return 0, nil
	}
	if c.count > c.n {
		return 0, errPower
	}
	c.op = op
	if op == embedded.OpWrite && size > 0 {
		return c.random.IntN(size + 1), errPower
	}
	return 0, errPower
}

// lose takes back sectors of what was written and not yet synced.
func (c *crash) lose(t *testing.T) {
	if c.op != embedded.OpSync || c.synced || !strings.HasSuffix(now(c.path), ".seg") {
		return
	}
	edit(t, now(c.path), func(b []byte) []byte {
		for at := c.at; at < c.at+int64(c.size); at += 64 {
			if c.random.IntN(2) == 0 {
				clear(b[at:min(at+64, c.at+int64(c.size))])
			}
		}
		return b
	})
}

// TestPowerLossAtEveryOperation is the crash test without a machine: whichever
// operation is the last one, all that was acknowledged is there afterwards, at
// its offset, and at most the one unknown call besides.
func TestPowerLossAtEveryOperation(t *testing.T) {
	const seed = 20
	seen := map[embedded.Op]bool{}
	for n := 1; ; n++ {
		dir := t.TempDir()
		c := &crash{random: rand.New(rand.NewPCG(seed, uint64(n))), n: n}
		acked, unknown := appendUntilCrash(t, dir, c)
		if c.count < n {
			break // it got to the end: every operation had its turn
		}
		seen[c.op] = true
		c.lose(t)
		where := fmt.Sprintf("seed %d, power lost at operation %d (%s)", seed, n, c.op)
		l, err := embedded.Open(dir, embedded.Options{SegmentBytes: 600})
		if err != nil {
			t.Fatalf("%s: open: %v", where, err)
		}
		got := ledgertest.ReadAll(t, l)
		if extra := len(got) - len(acked); extra < 0 || extra > len(unknown) {
			t.Fatalf("%s: %d records are there, %d were acknowledged, %d unknown", where, len(got), len(acked), len(unknown))
		}
		for i, r := range got {
			if want := append(acked, unknown...)[i]; string(r.Data) != want {
				t.Fatalf("%s: offset %d holds %q, want %q", where, i, r.Data, want)
			}
		}
		if first := add(t, l, "next"); first != events.Offset(len(got)) {
			t.Fatalf("%s: the next append went to %d, want %d", where, first, len(got))
		}
		closeLog(t, l)
	}
	for _, op := range []embedded.Op{embedded.OpCreate, embedded.OpAllocate, embedded.OpWrite, embedded.OpSync, embedded.OpTruncate, embedded.OpRename, embedded.OpRemove, embedded.OpSyncDir} {
		if !seen[op] {
			t.Errorf("no crash fell on %q: the test covers less than it says", op)
		}
	}
}

// appendUntilCrash returns what was acknowledged, and the last call's records
// if its outcome is unknown.
func appendUntilCrash(t *testing.T, dir string, c *crash) (acked, unknown []string) {
	opt := embedded.Options{SegmentBytes: 600, Fault: c.fault}
	for range 2 { // a reopen in the middle
		l, err := embedded.Open(dir, opt)
		if err != nil {
			return acked, nil
		}
		for i := range 6 {
			call := []string{fmt.Sprint(len(acked), strings.Repeat("x", 90)), fmt.Sprint(i)}
			first, err := l.Append(t.Context(), [][]byte{[]byte(call[0]), []byte(call[1])})
			if err == nil && first != events.Offset(len(acked)) {
				t.Fatalf("append went to %d, want %d", first, len(acked))
			}
			if err != nil {
				if errors.Is(err, ledger.ErrUnknown) {
					unknown = call
				}
				_ = l.Close() // the power is gone
				return acked, unknown
			}
			acked = append(acked, call...)
		}
		if err := l.Close(); err != nil {
			return acked, nil
		}
	}
	return acked, nil
}

func TestAFailedSyncStopsTheLogForGood(t *testing.T) {
	var broken atomic.Bool
	dir := t.TempDir()
	l := open(t, dir, embedded.Options{Fault: func(op embedded.Op, _ string, _ int64, _ int) (int, error) {
		if op == embedded.OpSync && broken.Load() {
			return 0, syscall.EIO
		}
		return 0, nil
	}})
	add(t, l, "one")
	broken.Store(true)
	_, err := l.Append(t.Context(), [][]byte{[]byte("two")})
	if !errors.Is(err, ledger.ErrFailed) || !errors.Is(err, ledger.ErrUnknown) {
		t.Fatalf("append whose sync failed: %v, want ErrFailed and ErrUnknown", err)
	}
	broken.Store(false) // the next sync would succeed, and lie
	_, err = l.Append(t.Context(), [][]byte{[]byte("three")})
	if !errors.Is(err, ledger.ErrFailed) || errors.Is(err, ledger.ErrUnknown) {
		t.Fatalf("append after a failed sync: %v, want ErrFailed and nothing appended", err)
	}
	if _, err := l.ReadPoint(t.Context()); !errors.Is(err, ledger.ErrFailed) {
		t.Fatalf("read point after a failed sync: %v", err)
	}
	records, err := l.Fetch(t.Context(), 0, 1000)
	if err != nil || len(records) != 1 {
		t.Fatalf("what is durable can't be read: %d records, %v", len(records), err)
	}
	if _, err := l.Fetch(t.Context(), 1, 1000); !errors.Is(err, ledger.ErrFailed) {
		t.Fatalf("fetch of what was never synced: %v", err)
	}
	closeLog(t, l)
}

func TestAFullDiskAppendsNothingAndIsForgiven(t *testing.T) {
	for _, full := range []embedded.Op{embedded.OpWrite, embedded.OpAllocate, embedded.OpCreate} {
		t.Run(string(full), func(t *testing.T) {
			var on atomic.Bool
			dir := t.TempDir()
			l := open(t, dir, embedded.Options{SegmentBytes: 400, Fault: func(op embedded.Op, path string, _ int64, size int) (int, error) {
				if on.Load() && (op == full || op == embedded.OpAllocate) {
					return size / 2, syscall.ENOSPC
				}
				return 0, nil
			}})
			want, refused := []string{}, 0
			for i := range 30 {
				r := fmt.Sprint(i, strings.Repeat("z", 40))
				on.Store(i%10 >= 4 && i%10 < 9)
				first, err := l.Append(t.Context(), [][]byte{[]byte(r)})
				switch {
				case errors.Is(err, ledger.ErrFull):
					refused++
				case err != nil || first != events.Offset(len(want)):
					t.Fatalf("append %d: offset %d, %v", i, first, err)
				default:
					want = append(want, r)
				}
			}
			if refused == 0 || len(want) < 12 {
				t.Fatalf("%d appends were refused, %d went through", refused, len(want))
			}
			if got := texts(t, l); got != strings.Join(want, " ") {
				t.Fatalf("there are %q, want %q", got, want)
			}
			on.Store(false)
			closeLog(t, l)
			if got := texts(t, open(t, dir, embedded.Options{})); got != strings.Join(want, " ") {
				t.Fatalf("opened again there are %q, want %q", got, want)
			}
		})
	}
}

// TestARealFullDisk fills a small file system of its own.
func TestARealFullDisk(t *testing.T) {
	mnt := t.TempDir()
	if err := syscall.Mount("cairn-test", mnt, "tmpfs", 0, "size=512k"); err != nil {
		t.Fatalf("mount tmpfs (the test needs root): %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(mnt, syscall.MNT_DETACH); err != nil {
			t.Errorf("unmount %s: %v", mnt, err)
		}
	})
	dir := filepath.Join(mnt, "ledger")
	l := open(t, dir, embedded.Options{SegmentBytes: 64 << 10})
	ballast := filepath.Join(mnt, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 128<<10), 0o600); err != nil {
		t.Fatal(err)
	}
	record := strings.Repeat("r", 3000)
	n := 0
	for {
		_, err := l.Append(t.Context(), [][]byte{[]byte(record)})
		if errors.Is(err, ledger.ErrFull) {
			break
		}
		if n++; err != nil || n > 1000 {
			t.Fatalf("append %d: %v, want it to go through or ErrFull", n, err)
		}
	}
	if got := len(ledgertest.ReadAll(t, l)); got != n {
		t.Fatalf("%d records are there, %d were acknowledged", got, n)
	}
	remove(t, ballast)
	if first := add(t, l, record); first != events.Offset(n) {
		t.Fatalf("with room again the append went to %d, want %d", first, n)
	}
	closeLog(t, l)
}
