package crilog

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestALogIsKeptToItsLimitAndNoLineIsCut writes a thousand lines into three
// files of 4 KiB: the last ones are there, whole and in order.
func TestALogIsKeptToItsLimitAndNoLineIsCut(t *testing.T) {
	path := filepath.Join(t.TempDir(), "0.log")
	limit := Limit{Bytes: 4 << 10, Files: 3}
	for half := range 2 { // the second writer goes on in the first one's file
		w, err := Open(path, limit, time.Now)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 500 {
			if err := w.Append(Stdout, false, fmt.Appendf(nil, "line %d", half*500+i)); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	var all []byte
	for n := limit.Files - 1; n >= 0; n-- {
		b, err := os.ReadFile(Older(path, n))
		if err != nil || int64(len(b)) > limit.Bytes {
			t.Fatalf("file %d has %d bytes, %v", n, len(b), err)
		}
		all = append(all, b...)
	}
	if _, err := os.Stat(Older(path, limit.Files)); !os.IsNotExist(err) {
		t.Errorf("one file too many: %v", err)
	}
	lines := bytes.Split(bytes.TrimSpace(all), []byte{'\n'})
	for i, line := range lines {
		r, err := Parse(line)
		if want := fmt.Sprintf("line %d", 1000-len(lines)+i); err != nil || string(r.Content) != want {
			t.Fatalf("%q, %v; want %q", r.Content, err, want)
		}
	}
	if len(lines) < 150 {
		t.Errorf("only %d lines were kept", len(lines))
	}
}
