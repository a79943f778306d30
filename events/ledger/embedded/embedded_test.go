package embedded_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"cairn/events"
	"cairn/events/ledger"
	"cairn/events/ledger/embedded"
	"cairn/events/ledger/ledgertest"
)

func open(t testing.TB, dir string, opt embedded.Options) *embedded.Log {
	t.Helper()
	l, err := embedded.Open(dir, opt)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	t.Cleanup(func() { _ = l.Close() }) // often closed by the test already
	return l
}

func closeLog(t testing.TB, l *embedded.Log) {
	t.Helper()
	if err := l.Close(); err != nil {
		t.Fatalf("close: %v", err)
	}
}

func add(t testing.TB, l ledger.Ledger, records ...string) events.Offset {
	t.Helper()
	b := make([][]byte, len(records))
	for i, r := range records {
		b[i] = []byte(r)
	}
	first, err := l.Append(t.Context(), b)
	if err != nil {
		t.Fatalf("append: %v", err)
	}
	return first
}

// texts returns all records of l.
func texts(t testing.TB, l ledger.Ledger) string {
	t.Helper()
	var s []string
	for _, r := range ledgertest.ReadAll(t, l) {
		s = append(s, string(r.Data))
	}
	return strings.Join(s, " ")
}

// segments returns the paths of the segment files, in order.
func segments(t testing.TB, dir string) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*.seg"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no segments in %s: %v", dir, err)
	}
	return paths
}

func TestSuite(t *testing.T) {
	ledgertest.Run(t, func(t *testing.T) ledger.Ledger { return open(t, t.TempDir(), embedded.Options{}) })
}

func TestSuiteWithTinySegments(t *testing.T) {
	ledgertest.Run(t, func(t *testing.T) ledger.Ledger {
		return open(t, t.TempDir(), embedded.Options{SegmentBytes: 300})
	})
}

func TestSuiteReopened(t *testing.T) {
	for _, size := range []int64{0, 300} {
		t.Run(fmt.Sprint("segments of ", size), func(t *testing.T) {
			ledgertest.RunReopen(t, func(t *testing.T) func() ledger.Ledger {
				dir := t.TempDir()
				return func() ledger.Ledger { return open(t, dir, embedded.Options{SegmentBytes: size}) }
			})
		})
	}
}

func TestTimesNeverGoBackThoughTheClockDoes(t *testing.T) {
	var tick atomic.Int64
	tick.Store(1_000_000)
	clock := func() int64 { return tick.Add(-7) }
	dir := t.TempDir()
	l := open(t, dir, embedded.Options{Clock: clock, SegmentBytes: 200})
	add(t, l, "a", "b")
	closeLog(t, l)
	ledgertest.RunMonotone(t, open(t, dir, embedded.Options{Clock: clock, SegmentBytes: 200}))
}

func TestASecondProcessIsToldWhoHoldsTheFolder(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, embedded.Options{})
	_, err := embedded.Open(dir, embedded.Options{})
	if err == nil || !strings.Contains(err.Error(), "process "+strconv.Itoa(os.Getpid())) || !strings.Contains(err.Error(), dir) {
		t.Fatalf("second open: %v, want an error that names folder and process", err)
	}
	closeLog(t, l)
	open(t, dir, embedded.Options{})
}

func TestFoldersThatAreNoLedgerOrANewerOneAreRefused(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "holiday.jpg"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := embedded.Open(dir, embedded.Options{}); !errors.Is(err, ledger.ErrSettings) || !strings.Contains(err.Error(), "holiday.jpg") {
		t.Fatalf("open of a folder with other files: %v", err)
	}
	if _, err := embedded.OpenReadOnly(t.TempDir()); !errors.Is(err, ledger.ErrSettings) {
		t.Fatalf("read-only open of nothing: %v", err)
	}
	dir = t.TempDir()
	closeLog(t, open(t, dir, embedded.Options{}))
	path := filepath.Join(dir, "format")
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	newer := strings.Replace(string(b), "ledger 1", "ledger 2", 1)
	if err := os.WriteFile(path, []byte(newer), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{openError(dir), readOnlyError(dir)} {
		if !errors.Is(err, ledger.ErrSettings) || !strings.Contains(err.Error(), "format 2") {
			t.Fatalf("open of a newer format: %v", err)
		}
	}
}

func openError(dir string) error {
	l, err := embedded.Open(dir, embedded.Options{})
	if err == nil {
		return l.Close()
	}
	return err
}

func readOnlyError(dir string) error {
	l, err := embedded.OpenReadOnly(dir)
	if err == nil {
		return l.Close()
	}
	return err
}

func TestAReaderFollowsARunningWriterAcrossSegments(t *testing.T) {
	dir := t.TempDir()
	w := open(t, dir, embedded.Options{SegmentBytes: 400})
	add(t, w, "r0")
	r, err := embedded.OpenReadOnly(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := r.Append(t.Context(), [][]byte{[]byte("x")}); err == nil {
		t.Fatal("append to a read-only log succeeded")
	}
	const n = 60
	go func() {
		for i := 1; i < n; i++ {
			if _, err := w.Append(context.Background(), [][]byte{fmt.Append(nil, "r", i)}); err != nil {
				t.Errorf("append %d: %v", i, err)
			}
		}
	}()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for next := events.Offset(0); next < n; {
		records, err := r.Fetch(ctx, next, 100)
		if err != nil {
			t.Fatalf("fetch from %d: %v", next, err)
		}
		for _, rec := range records {
			if rec.Offset != next || string(rec.Data) != fmt.Sprint("r", int64(next)) {
				t.Fatalf("offset %d: got %d %q", next, rec.Offset, rec.Data)
			}
			next++
		}
	}
	closeLog(t, w)
	if end, err := r.ReadPoint(ctx); err != nil || end != n {
		t.Fatalf("read point %d, %v", end, err)
	}
}

func TestSpaceAnEventTakes(t *testing.T) {
	for _, c := range []struct {
		group int
		most  float64
	}{{1, 424}, {4, 408}, {64, 404}} {
		dir := t.TempDir()
		l := open(t, dir, embedded.Options{})
		record := strings.Repeat("e", 400)
		records := make([]string, c.group)
		for i := range records {
			records[i] = record
		}
		const calls = 20
		for range calls {
			add(t, l, records...)
		}
		closeLog(t, l)
		info, err := os.Stat(segments(t, dir)[0])
		if err != nil {
			t.Fatal(err)
		}
		if each := float64(info.Size()-72) / float64(calls*c.group); each > c.most {
			t.Errorf("in groups of %d a record of 400 bytes takes %.1f, want at most %.0f", c.group, each, c.most)
		}
	}
}
