package crilog

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func written(t *testing.T, in string) []Record {
	t.Helper()
	path := filepath.Join(t.TempDir(), "0.log")
	at := time.Date(2026, 1, 2, 15, 4, 5, 6, time.UTC)
	w, err := Open(path, Default, func() time.Time { return at })
	if err != nil {
		t.Fatal(err)
	}
	var tee bytes.Buffer
	w.Copy(Stdout, strings.NewReader(in), func(b []byte) { tee.Write(b) })
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if tee.String() != in {
		t.Errorf("tee saw %d bytes, want the %d bytes as they came", tee.Len(), len(in))
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var out []Record
	for _, l := range bytes.SplitAfter(b, []byte{'\n'}) {
		if len(l) == 0 {
			continue
		}
		r, err := Parse(l)
		if err != nil {
			t.Fatal(err)
		}
		if !r.At.Equal(at) || r.Stream != Stdout {
			t.Errorf("record %v %v, want %v stdout", r.At, r.Stream, at)
		}
		out = append(out, r)
	}
	return out
}

func TestLinesAreWrittenWholeAndReadBack(t *testing.T) {
	got := written(t, "one\n\nthree words here\nno newline")
	want := []string{"one", "", "three words here", "no newline"}
	if len(got) != len(want) {
		t.Fatalf("%d records, want %d", len(got), len(want))
	}
	for i, r := range got {
		if string(r.Content) != want[i] {
			t.Errorf("record %d is %q, want %q", i, r.Content, want[i])
		}
		if r.Partial != (i == 3) {
			t.Errorf("record %d partial = %v", i, r.Partial)
		}
	}
}

func TestALineThatNeverEndsIsCutInPartialRecords(t *testing.T) {
	in := strings.Repeat("x", 3*MaxContent+5) + "\n"
	var joined []byte
	rs := written(t, in)
	for i, r := range rs {
		if len(r.Content) > MaxContent {
			t.Errorf("record of %d bytes", len(r.Content))
		}
		if last := i == len(rs)-1; r.Partial == last {
			t.Errorf("record %d of %d partial = %v", i, len(rs), r.Partial)
		}
		joined = append(joined, r.Content...)
	}
	if string(joined)+"\n" != in {
		t.Errorf("joined %d bytes, want %d", len(joined), len(in)-1)
	}
}

func TestAForeignFileIsRefusedWithAReason(t *testing.T) {
	for _, l := range []string{"", "hello", "2026-01-02T15:04:05Z nowhere F x", "yesterday stdout F x", "2026-01-02T15:04:05Z stdout"} {
		if _, err := Parse([]byte(l)); err == nil {
			t.Errorf("Parse(%q) succeeded", l)
		}
	}
}
