package serve

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"sync"
	"time"

	genericapiserver "k8s.io/apiserver/pkg/server"
	"k8s.io/klog/v2"

	"cairn/projections/apiserver/budget"
	"cairn/projections/apiserver/encryption"
	"cairn/projections/apiserver/gates"
	"cairn/projections/apiserver/nodeapi"
	"cairn/projections/apiserver/pki"
	"cairn/projections/apiserver/registries"
	"cairn/projections/apiserver/storage"
	"cairn/projections/apiserver/tally"
	"cairn/projections/feeds/hub"
	"cairn/projections/follower"
)

// Config is what a server works with. Cell, Ring, PKI and Listen must be set,
// and the cell must have folded record 0.
type Config struct {
	Cell      follower.Cell
	Ring      *encryption.Ring
	PKI       *pki.Authority
	Name      string        // of this server, one per cell, the same after a restart; empty: HOST:PORT
	Listen    string        // ADDR:PORT; port 0: any
	Listener  net.Listener  // in place of Listen, where it is set
	Names     []string      // further names and addresses for the certificate
	Advertise string        // IP at which pods reach the server; empty: none is told to them
	History   http.Handler  // serves the rest of /cairn/v1/; nil: nothing
	Budget    budget.Limits // what each user may append; zero: generous defaults
	Log       *slog.Logger  // nil: slog.Default
}

// Server is a running API server.
type Server struct {
	config   Config
	log      *slog.Logger
	engine   *storage.Engine
	tally    *tally.Tally
	sessions *registries.Sessions
	feeds    *hub.Hub
	derived  chan struct{} // closed when the hub has ended
	nodes    *nodeapi.API
	links    *links
	generic  *genericapiserver.GenericAPIServer
	handler  http.Handler
	http     *http.Server
	listener net.Listener
	run      context.Context // ends when Close begins; watches and streams end with it
	cancel   context.CancelFunc
	served   chan struct{}
	enough   context.CancelFunc // ends the tally
}

// Start assembles and starts a server, creates what every cell has, and
// returns once it is ready. Close ends it.
func Start(ctx context.Context, c Config) (*Server, error) {
	cell := c.Cell.Position().Cell
	if cell == nil {
		return nil, errors.New("serve: the view has not folded record 0 yet; wait for it first")
	}
	run, cancel := context.WithCancel(context.WithoutCancel(ctx))
	s := &Server{config: c, log: c.Log, run: run, cancel: cancel, served: make(chan struct{}), enough: func() {}}
	if s.log == nil {
		s.log = slog.Default()
	}
	quiet.Do(func() { klog.SetSlogLogger(slog.New(errorsOnly{s.log.Handler()})) })
	if err := s.start(ctx, run); err != nil {
		cancel()
		s.enough()
		if s.listener != nil {
			s.listener.Close()
		}
		return nil, err
	}
	return s, nil
}

func (s *Server) start(ctx, run context.Context) (err error) {
	c := s.config
	s.engine = storage.New(run, storage.Options{Cell: c.Cell, Cipher: c.Ring})
	s.engine.Limit(c.Budget)
	// It counts until the last request has been answered.
	counting, enough := context.WithCancel(context.WithoutCancel(run))
	s.tally, s.enough = tally.New(counting, s.engine), enough
	s.sessions = registries.NewSessions(s.engine)
	if s.links, err = newLinks(s.engine, c.PKI); err != nil {
		return err
	}
	s.deriveFeeds(run)
	s.nodes = nodeapi.New(run, nodeapi.Config{Cell: c.Cell, Objects: s.engine, Feeds: s.feeds, Client: s.ClientFor, CA: c.PKI.CertPEM()})
	if s.listener = c.Listener; s.listener == nil {
		if s.listener, err = net.Listen("tcp", c.Listen); err != nil {
			return fmt.Errorf("serve: listen on %s: %w; is another cell running there?", c.Listen, err)
		}
	}
	if err := s.assemble(run); err != nil {
		return err
	}
	if s.http, err = s.secure(); err != nil {
		return err
	}
	if err := s.bootstrap(ctx); err != nil {
		return fmt.Errorf("serve: create what every cell has: %w", err)
	}
	s.generic.RunPostStartHooks(run)
	deepen(run.Done())
	go func() {
		defer close(s.served)
		if err := s.http.ServeTLS(s.listener, "", ""); !errors.Is(err, http.ErrServerClosed) {
			s.log.Error("the API server stopped listening", "error", err)
		}
	}()
	return nil
}

var quiet sync.Once

// errorsOnly keeps upstream's chatter out of the log: klog is one per process.
type errorsOnly struct{ slog.Handler }

func (h errorsOnly) Enabled(ctx context.Context, l slog.Level) bool {
	return l >= slog.LevelError && h.Handler.Enabled(ctx, l)
}

// Addr is where the server listens.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// Engine is the storage below, for others in this process.
func (s *Server) Engine() *storage.Engine { return s.engine }

// Silence says how long each node has not been heard of, see nodeapi.API.Silence.
func (s *Server) Silence(now time.Time, connected bool) map[string]time.Duration {
	return s.nodes.Silence(now, connected)
}

// Close ends the server: streams and watches at once, other requests within
// ctx; then what was counted is recorded.
func (s *Server) Close(ctx context.Context) error {
	s.cancel()
	err := s.http.Shutdown(ctx)
	if err != nil {
		err = s.http.Close()
	}
	<-s.served
	<-s.derived
	s.links.close()
	s.enough()
	select {
	case <-s.tally.Done():
	case <-ctx.Done():
	}
	s.sessions.EndAll(ctx)
	s.leave(ctx)
	s.engine.Wait()
	s.generic.Destroy()
	return err
}

// lastWords bounds how long the record that this server left is waited for.
const lastWords = 2 * time.Second

// leave is the last that a server appends. One that can't say so holds up later
// gates until it is back.
func (s *Server) leave(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastWords)
	defer cancel()
	if err := s.known().Leave(ctx); err != nil {
		s.log.Warn("the cell still takes this server for a running one", "error", err)
	}
}

// known is this server as the cell knows it.
func (s *Server) known() gates.Server {
	name := s.config.Name
	if name == "" {
		host, err := os.Hostname()
		if err != nil {
			host = "server"
		}
		_, port, _ := net.SplitHostPort(s.Addr())
		name = host + ":" + port
	}
	return gates.Server{Engine: s.engine, Name: name, Version: Version}
}

// apiAddress is the first address of the service range: the kubernetes service's.
func (s *Server) apiAddress() string {
	p, err := netip.ParsePrefix(s.config.Cell.Position().Cell.ServiceRange)
	if err != nil {
		return ""
	}
	return p.Masked().Addr().Next().String()
}
