package embedded_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"testing"

	"cairn/events"
	"cairn/events/ledger/embedded"
	"cairn/events/ledger/ledgertest"
)

// appendDir makes the test binary a process that appends there until killed.
const appendDir = "CAIRN_TEST_APPEND_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(appendDir); dir != "" {
		appendForEver(dir)
	}
	os.Exit(m.Run())
}

// appendForEver prints "OFFSET RECORD" for every acknowledged record, from
// many callers.
func appendForEver(dir string) {
	l, err := embedded.Open(dir, embedded.Options{SegmentBytes: 32 << 10})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	var mu sync.Mutex
	var wg sync.WaitGroup
	for c := range 16 {
		wg.Go(func() {
			for i := 0; ; i++ {
				record := fmt.Sprintf("%d-%d-%d", os.Getpid(), c, i)
				first, err := l.Append(context.Background(), [][]byte{[]byte(record)})
				if err != nil {
					fmt.Fprintln(os.Stderr, err)
					os.Exit(1)
				}
				mu.Lock()
				_, err = fmt.Fprintln(os.Stdout, int64(first), record)
				mu.Unlock()
				if err != nil {
					os.Exit(1) // nobody listens any more
				}
			}
		})
	}
	wg.Wait()
}

// TestKillMinusNine kills a process in the middle of its appends, five times
// over on one ledger: whatever it was told is there, where it was told.
func TestKillMinusNine(t *testing.T) {
	dir := t.TempDir()
	acked := map[events.Offset]string{}
	for round := range 5 {
		killed := appendAndKill(t, dir, 300*(round+1))
		for o, r := range killed {
			acked[o] = r
		}
		l := open(t, dir, embedded.Options{})
		all := ledgertest.ReadAll(t, l)
		closeLog(t, l)
		for o, want := range acked {
			if int(o) >= len(all) || string(all[o].Data) != want {
				t.Fatalf("round %d: %q was acknowledged at offset %d, which is gone or another (%d records)", round, want, o, len(all))
			}
		}
	}
}

// appendAndKill returns what the process was told until some time after its
// n-th acknowledgement.
func appendAndKill(t *testing.T, dir string, n int) map[events.Offset]string {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), appendDir+"="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	acked := map[events.Offset]string{}
	in := bufio.NewScanner(out)
	for in.Scan() {
		var o int64
		var record string
		if _, err := fmt.Sscan(in.Text(), &o, &record); err != nil {
			break // the last line is cut
		}
		acked[events.Offset(o)] = record
		if len(acked) == n {
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	_, _ = io.Copy(io.Discard, out)
	if err := cmd.Wait(); err == nil || len(acked) < n {
		t.Fatalf("the process ended by itself after %d acknowledgements: %v", len(acked), err)
	}
	return acked
}
