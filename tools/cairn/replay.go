package main

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"cairn/events"
	"cairn/events/ledger"
	"cairn/projections/follower"
	"cairn/projections/store"
	"cairn/projections/view"
	"cairn/tools/cairn/cell"
	"cairn/tools/cairn/client"
)

type replayCommand struct {
	placeFlags
	Output string `short:"o" enum:"text,json" default:"text" help:"text or json."`
}

// replayReport is what -o json prints.
type replayReport struct {
	Events   int64           `json:"events"`
	Revision events.Revision `json:"revision"`
	Digest   string          `json:"digest"` // over live objects
	Chain    string          `json:"chain"`  // over outcomes and changes
	Objects  int             `json:"objects"`
	Matches  bool            `json:"matches"`
	Why      string          `json:"why,omitempty"` // why not
	Seconds  float64         `json:"seconds"`
}

func (c *replayCommand) Run(out io.Writer) error {
	if os.Geteuid() != 0 {
		return cell.Refuse("a replay reads the ledger itself: run it as root, with sudo")
	}
	_, paths, err := c.place().Locate()
	if err != nil {
		return err
	}
	s, err := cell.Load(paths)
	if errors.Is(err, os.ErrNotExist) {
		return cell.Refuse("there is no cell in %s: name another with --data-dir or --name", paths.Data)
	}
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	log, err := readLedger(ctx, paths, s)
	if err != nil {
		return verdict(err)
	}
	defer log.Close()
	want, err := standing(ctx, paths, s, log)
	if err != nil {
		return verdict(err)
	}
	progress, done := progressOf(c.Output)
	began := time.Now()
	got, err := follower.Replay(ctx, log, follower.ReplayOptions{End: want.Offset + 1, Progress: progress})
	done()
	if err != nil {
		return verdict(err)
	}
	r := replayReport{Events: int64(got.Offset) + 1, Revision: got.Revision(), Digest: hex.EncodeToString(got.State[:]),
		Chain: hex.EncodeToString(got.Chain[:]), Objects: got.Objects, Why: follower.Differ(want, got), Seconds: time.Since(began).Seconds()}
	r.Matches = r.Why == ""
	if err := r.print(out, c.Output); err != nil {
		return err
	}
	if !r.Matches {
		return cell.Unverified("the replay does not match the view: %s; remove %s to have it rebuilt, and keep a copy of it for the bug report", r.Why, paths.View())
	}
	return nil
}

// standing tells where the cell's view stands: as its server says, or, where
// none runs, as the store says once it has caught up with the ledger.
func standing(ctx context.Context, paths cell.Paths, s *cell.Settings, log ledger.Ledger) (view.Position, error) {
	server, err := client.Open(paths.Kubeconfig())
	if err == nil {
		st, err := server.Status(ctx)
		if err == nil {
			pos := view.Position{Offset: st.Folded, Objects: st.Objects}
			copyHex(pos.State[:], st.Digest)
			copyHex(pos.Chain[:], st.Chain)
			return pos, nil
		}
		if !errors.Is(err, client.ErrDown) {
			return view.Position{}, err
		}
	}
	lock, err := cell.Take(paths)
	if err != nil {
		return view.Position{}, fmt.Errorf("the cell runs, but its server does not answer (try again): %w", err)
	}
	defer lock.Release()
	st, err := store.Open(paths.View(), store.Options{Incarnation: s.Incarnation})
	if err != nil {
		return view.Position{}, err
	}
	defer st.Close()
	f, err := follower.Start(ctx, follower.Options{Ledger: log, Store: st})
	if err != nil {
		return view.Position{}, err
	}
	defer f.Stop()
	if err := f.ReadPoint(ctx); err != nil {
		return view.Position{}, err
	}
	return f.Position(), nil
}

func copyHex(to []byte, text string) {
	b, err := hex.DecodeString(text)
	if err == nil {
		copy(to, b) // a digest that can't be read differs from every other
	}
}

// verdict gives errors that mean "does not verify" their exit code.
func verdict(err error) error {
	var damage *ledger.Damage
	if errors.As(err, &damage) || errors.Is(err, follower.ErrRolledBack) || errors.Is(err, follower.ErrOtherLedger) {
		return &cell.Coded{Code: cell.ExitUnverified, Err: err}
	}
	return err
}

// progressOf shows a bar with the rate on a terminal, nothing elsewhere.
func progressOf(output string) (progress func(done, total int64), finish func()) {
	if output == "json" || !term.IsTerminal(int(os.Stderr.Fd())) {
		return nil, func() {}
	}
	bar := progressbar.NewOptions64(-1, progressbar.OptionSetWriter(os.Stderr), progressbar.OptionSetDescription("folding"),
		progressbar.OptionShowIts(), progressbar.OptionSetItsString("records"), progressbar.OptionShowCount(),
		progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionClearOnFinish())
	return func(done, total int64) {
		bar.ChangeMax64(total)
		_ = bar.Set64(done) // a bar that can't be drawn stops no replay
	}, func() { _ = bar.Finish() }
}

func (r *replayReport) print(out io.Writer, output string) error {
	if output == "json" {
		return json.NewEncoder(out).Encode(r)
	}
	said := "and matches the view"
	if !r.Matches {
		said = "and DOES NOT MATCH the view"
	}
	_, err := fmt.Fprintf(out, "folded %d records in %.2f s (%.0f a second) %s\nrevision  %d\ndigest    %s over %d objects\nchain     %s\n",
		r.Events, r.Seconds, float64(r.Events)/max(r.Seconds, 1e-3), said, r.Revision, r.Digest, r.Objects, r.Chain)
	return err
}
