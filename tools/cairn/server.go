package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"syscall"
	"time"

	"cairn/events"
	"cairn/events/ledger"
	"cairn/projections/apiserver/encryption"
	"cairn/projections/apiserver/pki"
	"cairn/projections/apiserver/serve"
	"cairn/projections/follower"
	"cairn/projections/history"
	"cairn/projections/store"
	"cairn/reconcilers"
	"cairn/reconcilers/engine"
	"cairn/tools/cairn/cell"
	"cairn/tools/cairn/supervise"
)

// What record 0 says of every cell; the rest is the user's choice.
const (
	window   = 1 << 17
	nodeMask = 24
)

type serverCommand struct{ placeFlags }

// Run runs ledger, view, API server and reconcilers until a signal, until the
// supervisor is gone, or until the ledger can't be followed any more.
func (c *serverCommand) Run() error {
	slog.SetDefault(slog.New(slog.NewTextHandler(os.Stderr, nil)).With("process", "server"))
	callMyself("cairn-server")
	ctx, stop := untilTold()
	defer stop()
	_, paths, err := c.place().Locate()
	if err != nil {
		return err
	}
	s, err := cell.Load(paths)
	if err != nil {
		return err
	}
	tuneCollector()
	log, err := openLedger(ctx, paths, s)
	if err != nil {
		return err
	}
	defer log.Close()
	view, err := store.Open(paths.View(), store.Options{Incarnation: s.Incarnation})
	if err != nil {
		return &cell.Coded{Code: cell.ExitRefused, Err: err}
	}
	defer view.Close()
	f, err := follower.Start(ctx, follower.Options{Ledger: log, Store: view})
	if err != nil {
		return startError(err)
	}
	defer f.Stop()
	if err := create(ctx, f, s); err != nil {
		return err
	}
	if err := cell.MarkBegun(paths); err != nil {
		return err
	}
	return serveCell(ctx, paths, s, f, log)
}

// untilTold gives a context that ends with a signal, or when the supervisor
// says so or has gone.
func untilTold() (context.Context, context.CancelFunc) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	told := supervise.Lifeline()
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		select {
		case word := <-told:
			slog.Info("ending", "supervisor", word)
		case <-ctx.Done():
		}
		cancel()
	}()
	return ctx, func() { cancel(); stop() }
}

// startError says which errors would only come again.
func startError(err error) error {
	var damage *ledger.Damage
	if errors.As(err, &damage) || errors.Is(err, follower.ErrRolledBack) || errors.Is(err, follower.ErrOtherLedger) {
		return &cell.Coded{Code: cell.ExitRefused, Err: err}
	}
	return err
}

// create writes record 0 into an empty ledger, and sees that the ledger is this cell's.
func create(ctx context.Context, f *follower.Follower, s *cell.Settings) error {
	if err := f.ReadPoint(ctx); err != nil {
		return startError(err)
	}
	if f.Position().Offset == events.NoOffset {
		low, high := s.NodePortRange()
		_, err := f.Write(ctx, &events.Event{
			Type: events.CellCreated, Subject: events.Ref{Kind: events.Cells, Name: s.Name}, Claimed: time.Now().UnixNano(),
			Actor: events.Actor{User: who(), Agent: "cairn/" + version}, Reason: "first start",
			Facts: events.Facts{Cell: &events.Cell{
				Name: s.Name, Incarnation: s.Incarnation, Gate: events.Newest, Window: window,
				PodRange: s.PodRange, ServiceRange: s.ServiceRange, NodeMask: nodeMask,
				NodePortLow: uint64(low), NodePortHigh: uint64(high), DNSAddress: s.DNSAddress(),
			}},
		})
		if err != nil {
			return fmt.Errorf("write the cell's first record: %w", err)
		}
	}
	at := f.Position().Cell
	if at == nil {
		return cell.Refuse("the ledger %s does not begin with a cell's record: choose another --ledger", s.Ledger)
	}
	if at.Incarnation != s.Incarnation {
		return cell.Refuse("the ledger %s is that of a cell %s with another data folder (incarnation %s, here %s): start it with that --data-dir; if that is gone, its secrets can't be read any more: choose another ledger, such as kafka://HOST:PORT/PREFIX, or %s",
			s.Ledger, at.Name, at.Incarnation, s.Incarnation, removeTopics(s))
	}
	return nil
}

// requests lets the engine ask the API server in its own process.
type requests struct{ server *serve.Server }

func (r requests) Do(ctx context.Context, who engine.Identity, causes []events.Offset, reason, verb, path, contentType string, body []byte) (int, []byte, error) {
	return r.server.Do(ctx, who.Name, causes, reason, verb, path, contentType, body)
}

// openRing opens the key ring, and makes one at the first start alone: a new one
// beside an old ledger would hide that its Secrets can't be read any more.
func openRing(path string, folded events.Offset) (*encryption.Ring, error) {
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) && folded > 0 {
		return nil, fmt.Errorf("the key ring %s is gone, and without it no Secret of this cell can be read: restore it from a copy; or give its Secrets up for ever by an empty file (`: >%s`), and start it again", path, path)
	}
	return encryption.Open(path)
}

// serveCell runs API server and reconcilers over a view that has begun.
func serveCell(ctx context.Context, paths cell.Paths, s *cell.Settings, f *follower.Follower, log ledger.Ledger) error {
	ring, err := openRing(filepath.Join(paths.Keys(), "encryption"), f.Position().Offset)
	if err != nil {
		return &cell.Coded{Code: cell.ExitRefused, Err: err}
	}
	ca, err := pki.Open(paths.PKI(), s.Name)
	if err != nil {
		return err
	}
	server, err := serve.Start(ctx, serve.Config{Cell: f, Ring: ring, PKI: ca, Name: s.NodeName, Listen: s.Listen, Names: []string{s.NodeName},
		Advertise: reachable(s), History: history.Handler(f, log)})
	if err != nil {
		return err
	}
	running, end := context.WithCancel(ctx)
	engineEnded := make(chan error, 1)
	go func() {
		engineEnded <- engine.New(engine.Options{Cell: f, Requests: requests{server}, Kinds: reconcilers.Kinds(),
			Reconcilers: reconcilers.All(reconcilers.Config{CA: string(ca.CertPEM())}), Cores: reconcilers.Cores(), Silence: server.Silence}).Run(running)
	}()
	feedsEnded := make(chan error, 1)
	go func() { feedsEnded <- emitFeeds(running, s, server.Feeds()) }()
	debug.FreeOSMemory()
	slog.Info("serving", "address", server.Addr(), "folded", f.Position().Offset)
	select {
	case <-ctx.Done():
	case <-f.Done():
		err = startError(f.Err())
	case err = <-engineEnded:
		engineEnded <- nil
		if err == nil && ctx.Err() == nil {
			err = errors.New("the reconcilers ended by themselves")
		}
	case err = <-feedsEnded:
		feedsEnded <- nil
	}
	end()
	ended, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	closing := server.Close(ended)
	<-engineEnded
	<-feedsEnded
	if err == nil && closing != nil {
		slog.Warn("requests were cut off at the end", "error", closing)
	}
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// reachable is the address that pods reach the server at; empty: none.
func reachable(s *cell.Settings) string {
	if at, yes := apiForPods(s); yes {
		return at.Addr().String()
	}
	ap, err := netip.ParseAddrPort(s.Listen)
	if err != nil {
		return ""
	}
	if !ap.Addr().IsUnspecified() {
		return ap.Addr().String()
	}
	addr, err := machineAddress("")
	if err != nil || addr.IsLoopback() {
		return ""
	}
	return addr.String()
}
