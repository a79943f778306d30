package embedded_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cairn/events/ledger"
	"cairn/events/ledger/embedded"
	"cairn/events/ledger/ledgertest"
)

// crashed writes records one by one, then leaves the folder as a killed
// process would: a copy of the files while the writer runs.
func crashed(t *testing.T, opt embedded.Options, records ...string) string {
	t.Helper()
	dir, copied := t.TempDir(), t.TempDir()
	l := open(t, dir, opt)
	for _, r := range records {
		add(t, l, r)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		b, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err == nil {
			err = os.WriteFile(filepath.Join(copied, e.Name()), b, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	closeLog(t, l)
	return copied
}

// edit changes a file's bytes.
func edit(t *testing.T, path string, f func(b []byte) []byte) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, f(b), 0o600); err != nil {
		t.Fatal(err)
	}
}

// end returns the place behind the last byte that is not zero.
func end(b []byte) int { return len(bytes.TrimRight(b, "\x00")) }

var small = embedded.Options{SegmentBytes: 4096}

func TestTornTailIsCutAndDamageIsRefused(t *testing.T) {
	last := strings.Repeat("tail", 50)
	cases := []struct {
		name string
		edit func(b []byte) []byte
		want string // what is left; empty: damage
	}{
		{"untouched", func(b []byte) []byte { return b }, "one two " + last},
		{"the file ends within the last batch", func(b []byte) []byte { return b[:end(b)-10] }, "one two"},
		{"the last batch's end was never written", func(b []byte) []byte { clear(b[end(b)-90:]); return b }, "one two"},
		{"the last batch's start was never written", func(b []byte) []byte { e := end(b); clear(b[e-222 : e-100]); return b }, "one two"},
		{"only the length of the last batch got there", func(b []byte) []byte { e := end(b); clear(b[e-216:]); return b }, "one two"},
		{"rubbish follows the last batch", func(b []byte) []byte { copy(b[end(b):], "rubbish"); return b }, "one two " + last},
		{"a bit of the first record", func(b []byte) []byte { b[bytes.Index(b, []byte("one"))] ^= 1; return b }, ""},
		{"a bit of the second batch's length", func(b []byte) []byte { b[bytes.Index(b, []byte("two"))-17] ^= 0x80; return b }, ""},
		{"the first two batches are zero", func(b []byte) []byte { clear(b[72 : bytes.Index(b, []byte("two"))+3]); return b }, ""},
		{"a bit of the header", func(b []byte) []byte { b[20] ^= 1; return b }, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			dir := crashed(t, small, "one", "two", last)
			path := segments(t, dir)[0]
			edit(t, path, c.edit)
			l, err := embedded.Open(dir, small)
			if c.want == "" {
				wantDamage(t, err, path)
				wantDamage(t, readOnlyError(dir), path)
				return
			}
			if err != nil {
				t.Fatalf("open: %v", err)
			}
			defer l.Close()
			if got := texts(t, l); got != c.want {
				t.Fatalf("left are %q, want %q", got, c.want)
			}
			add(t, l, "next")
			if got := texts(t, l); got != c.want+" next" {
				t.Fatalf("after an append: %q", got)
			}
			closeLog(t, l)
			if got := texts(t, open(t, dir, small)); got != c.want+" next" {
				t.Fatalf("opened again: %q", got)
			}
		})
	}
}

func wantDamage(t *testing.T, err error, where string) {
	t.Helper()
	var d *ledger.Damage
	if !errors.As(err, &d) || d.Where != where || d.Byte < 0 {
		t.Fatalf("got %v, want *ledger.Damage that names %s and a byte", err, where)
	}
}

func TestACleanEndIsKnownSoThatEvenTheLastRecordIsNotCut(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, small)
	add(t, l, "one")
	add(t, l, "two")
	closeLog(t, l)
	path := segments(t, dir)[0]
	edit(t, path, func(b []byte) []byte { b[len(b)-1] ^= 1; return b })
	_, err := embedded.Open(dir, small)
	wantDamage(t, err, path)
	edit(t, path, func(b []byte) []byte { return b[:len(b)-23] }) // without the record, as if it had never been
	_, err = embedded.Open(dir, small)
	wantDamage(t, err, path)
}

func TestWhatIsCutIsKept(t *testing.T) {
	dir := crashed(t, small, "one", "evidence")
	edit(t, segments(t, dir)[0], func(b []byte) []byte { b[end(b)-1] ^= 1; return b })
	open(t, dir, small)
	b, err := os.ReadFile(filepath.Join(dir, "torn"))
	if err != nil || !bytes.Contains(b, []byte("evidenc")) {
		t.Fatalf("torn holds %q, %v", b, err)
	}
}

func TestSegmentsThatAreMissingShortOrForeignAreRefused(t *testing.T) {
	many := strings.Fields(strings.Repeat("record-of-some-length ", 40))
	tiny := embedded.Options{SegmentBytes: 400}
	cases := []struct {
		name  string
		spoil func(t *testing.T, paths []string) (where string)
	}{
		{"the first is missing", func(t *testing.T, p []string) string { remove(t, p[0]); return p[1] }},
		{"one in the middle is missing", func(t *testing.T, p []string) string { remove(t, p[1]); return p[2] }},
		{"one in the middle is short", func(t *testing.T, p []string) string {
			edit(t, p[1], func(b []byte) []byte { return b[:len(b)-1] })
			return p[1]
		}},
		{"one comes from another ledger", func(t *testing.T, p []string) string {
			foreign, err := os.ReadFile(segments(t, crashed(t, tiny, many...))[1])
			if err != nil {
				t.Fatal(err)
			}
			edit(t, p[1], func([]byte) []byte { return foreign })
			return p[1]
		}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			dir := crashed(t, tiny, many...)
			where := c.spoil(t, segments(t, dir))
			_, err := embedded.Open(dir, tiny)
			wantDamage(t, err, where)
		})
	}
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}

func TestDamageInAnOldSegmentStopsItsReader(t *testing.T) {
	tiny := embedded.Options{SegmentBytes: 400}
	dir := crashed(t, tiny, strings.Fields(strings.Repeat("record-of-some-length ", 40))...)
	path := segments(t, dir)[1]
	edit(t, path, func(b []byte) []byte { b[len(b)-3] ^= 4; return b })
	l := open(t, dir, tiny)
	records, err := l.Fetch(t.Context(), 0, 1<<20) // up to the end of the first segment
	if err != nil {
		t.Fatal(err)
	}
	_, err = l.Fetch(t.Context(), records[len(records)-1].Offset+1, 1<<20)
	wantDamage(t, err, path)
}

func TestATornTailIsTheEndForAReader(t *testing.T) {
	dir := crashed(t, small, "one", "two")
	edit(t, segments(t, dir)[0], func(b []byte) []byte { return b[:end(b)-1] })
	r, err := embedded.OpenReadOnly(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if got := len(ledgertest.ReadAll(t, r)); got != 1 {
		t.Fatalf("a reader sees %d records, want 1", got)
	}
}
