package fold

import (
	"bytes"
	"encoding/binary"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"cairn/events"
)

var addGolden = flag.Bool("add-golden", false, "write golden ledgers for scenarios that have none yet; those that exist are never rewritten")

// Golden ledgers are bytes that some binary once wrote. They fold to the same
// outcomes for ever: what a new binary reads in them otherwise is a bug in it.
// A file is a sequence of length (4 bytes, big endian) and frame.
func TestGoldenLedgersFoldAsTheyDidOnTheFirstDay(t *testing.T) {
	if *addGolden {
		writeGolden(t)
	}
	files, _ := filepath.Glob("testdata/golden/*.ledger")
	if len(files) < 5 {
		t.Fatalf("only %d golden ledgers: the files are missing", len(files))
	}
	for _, f := range files {
		t.Run(filepath.Base(f), func(t *testing.T) {
			b, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			want, err := os.ReadFile(strings.TrimSuffix(f, ".ledger") + ".outcomes")
			if err != nil {
				t.Fatal(err)
			}
			if got := foldGolden(t, b); got != string(want) {
				t.Fatalf("folds to\n%s\nonce folded to\n%s", got, want)
			}
		})
	}
}

func foldGolden(t *testing.T, b []byte) string {
	var out strings.Builder
	w := newWorld()
	for len(b) > 0 {
		n := binary.BigEndian.Uint32(b)
		frame := b[4 : 4+n]
		b = b[4+n:]
		e, err := events.ReadFrame(frame)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(events.AppendFrame(nil, e), frame) {
			t.Fatalf("%s is written in other bytes now", e.ID)
		}
		out.WriteString(show(w.feed(e)))
	}
	w.check(t)
	return out.String()
}

func writeGolden(t *testing.T) {
	paths, _ := filepath.Glob("testdata/scenarios/*")
	for _, path := range paths {
		base := filepath.Join("testdata/golden", filepath.Base(path))
		if _, err := os.Stat(base + ".ledger"); err == nil {
			continue
		}
		w := newWorld()
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			var out strings.Builder
			for _, line := range strings.Split(strings.TrimSpace(d.Input), "\n") {
				out.WriteString(w.line(t, line))
			}
			return out.String()
		})
		var b []byte
		for _, in := range w.inputs {
			f := events.AppendFrame(nil, in.Event)
			b = append(binary.BigEndian.AppendUint32(b, uint32(len(f))), f...)
		}
		must(t, os.MkdirAll("testdata/golden", 0o755))
		must(t, os.WriteFile(base+".ledger", b, 0o644))
		must(t, os.WriteFile(base+".outcomes", []byte(foldGolden(t, b)), 0o644))
	}
}

func must(t *testing.T, err error) {
	if err != nil {
		t.Fatal(err)
	}
}
