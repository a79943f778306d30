package fold

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"cairn/events"
	"cairn/events/wire"
)

var addGolden = flag.Bool("add-golden", false, "write golden ledgers for scenarios that have none yet; those that exist are never rewritten")

// Golden ledgers are bytes that some binary once wrote. They fold to the same
// outcomes, changes, events and rows for ever, at the gate where they began
// and across activations: what a binary reads in them otherwise is a bug in
// it. A file is a sequence of length (4 bytes, big endian) and frame; beside
// it stands a line per record, with a hash over all that the fold made of it.
func TestGoldenLedgersFoldAsTheyDidOnTheFirstDay(t *testing.T) {
	if *addGolden {
		writeGolden(t)
	}
	files, _ := filepath.Glob("testdata/golden/*.ledger")
	seen := map[string]bool{}
	for _, f := range files {
		t.Run(filepath.Base(f), func(t *testing.T) {
			b, err := os.ReadFile(f)
			must(t, err)
			want, err := os.ReadFile(strings.TrimSuffix(f, ".ledger") + ".outcomes")
			must(t, err)
			got := foldGolden(t, b, seen)
			if got == string(want) {
				return
			}
			a, b2 := strings.Split(got, "\n"), strings.Split(string(want), "\n")
			for i := range min(len(a), len(b2)) {
				if a[i] != b2[i] {
					t.Fatalf("record %d folds to\n%s\nonce folded to\n%s\nwhat a released gate defines is never edited: put the new behaviour behind a new one", i, a[i], b2[i])
				}
			}
			t.Fatalf("has %d records, once had %d", len(a), len(b2))
		})
	}
	everythingIsGolden(t, seen)
}

// everythingIsGolden fails where no golden ledger holds a type or a reason to
// its first day.
func everythingIsGolden(t *testing.T, seen map[string]bool) {
	for _, typ := range events.Types() {
		if !seen[string(typ)] {
			t.Errorf("no golden ledger has an accepted %s: write a scenario, then go test -run Golden -add-golden", typ)
		}
	}
	for r := NoReason + 1; int(r) < Reasons; r++ {
		if r != OnceFaulted && !seen[r.String()] { // that one wants a binary with a bug
			t.Errorf("no golden ledger refuses a record as %s: write a scenario, then go test -run Golden -add-golden", r)
		}
	}
	for c := FromNode; c <= DataplaneRebuilt; c++ {
		if !seen[fmt.Sprint("event ", c)] {
			t.Errorf("no golden ledger gives event code %d", c)
		}
	}
}

func foldGolden(t *testing.T, b []byte, seen map[string]bool) string {
	var out strings.Builder
	w := newWorld()
	var sum [32]byte
	for len(b) > 0 {
		n := binary.BigEndian.Uint32(b)
		frame := b[4 : 4+n]
		b = b[4+n:]
		e, err := events.ReadFrame(frame)
		if err == nil && !bytes.Equal(events.AppendFrame(nil, e), frame) {
			t.Fatalf("%s is written in other bytes now", e.ID)
		}
		r := w.apply(e, err)
		sum = sha256.Sum256(append(sum[:], whole(&r)...))
		line, _, _ := strings.Cut(show(r), "\n")
		fmt.Fprintf(&out, "%s | %d changes %x\n", line, len(r.Changes), sum[:6])
		seen[r.Outcome.Reason.String()] = true
		if r.Outcome.Accepted() {
			seen[string(e.Type)] = true
		}
		for _, k := range r.KubeEvents {
			seen[fmt.Sprint("event ", k.Code)] = true
		}
	}
	w.check(t)
	return out.String()
}

// whole is all that a result says, in bytes.
func whole(r *Result) []byte {
	b := fmt.Appendf(nil, "%d %d %d %d %d %q %s %d\n", r.Offset, r.Time, r.Gate, r.Outcome.Code, r.Outcome.Reason, r.Outcome.Args, r.Outcome.Field, r.Outcome.DuplicateOf)
	for i := range r.Changes {
		c := &r.Changes[i]
		b = fmt.Appendf(b, "%s %s %d %d %d %t %t %t %t %t\n", c.Ref, c.UID, c.Revision, c.Written, c.Created, c.Deleted, c.Spec != nil, c.Status != nil, c.FactsChanged, c.ProjectedChanged)
		if c.Facts != nil {
			b = append(b, events.EncodeFacts(c.Facts)...)
		}
		if c.Projected != nil {
			b = append(b, EncodeProjected(c.Projected)...)
		}
	}
	for i := range r.KubeEvents {
		b = append(b, wire.Encode(&r.KubeEvents[i])...)
	}
	return b // rows are a matter of the view's format, which may change
}

func writeGolden(t *testing.T) {
	must(t, os.MkdirAll("testdata/golden", 0o755))
	paths, _ := filepath.Glob("testdata/scenarios/*")
	for _, path := range paths {
		w := newWorld()
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			var out strings.Builder
			for _, line := range strings.Split(strings.TrimSpace(d.Input), "\n") {
				out.WriteString(w.line(t, line))
			}
			return out.String()
		})
		addGoldenLedger(t, filepath.Base(path), w.frames)
	}
	for g := events.GateFirst; g <= events.Newest; g++ {
		rng := rand.New(rand.NewPCG(uint64(g), 11))
		addGoldenLedger(t, fmt.Sprintf("random-records-at-gate-%d", g), randomLedger(rng, g, 700).frames)
	}
	rng := rand.New(rand.NewPCG(99, 11))
	addGoldenLedger(t, "random-records-across-activations", randomLedger(rng, 0, 700).frames)
}

func addGoldenLedger(t *testing.T, name string, frames [][]byte) {
	base := filepath.Join("testdata/golden", name)
	if _, err := os.Stat(base + ".ledger"); err == nil {
		return
	}
	var b []byte
	for _, f := range frames {
		b = append(binary.BigEndian.AppendUint32(b, uint32(len(f))), f...)
	}
	must(t, os.WriteFile(base+".ledger", b, 0o644))
	must(t, os.WriteFile(base+".outcomes", []byte(foldGolden(t, b, map[string]bool{})), 0o644))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
