package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/signal"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"time"

	"cairn/nodes/daemon"
	"cairn/nodes/host"
	"cairn/nodes/streaming"
	"cairn/tools/cairn/cell"
	"cairn/tools/cairn/network"
	"cairn/tools/cairn/supervise"
	"cairn/tools/cairn/sweep"
)

// How long containers may take when the whole cell ends.
const (
	endContainers = 60 * time.Second // each by its own grace period, as long as this allows
	endForeign    = 10 * time.Second // asked without knowing their grace periods
)

// serverIdentity is the name in the certificate that servers show to nodes.
const serverIdentity = "cairn-server"

type nodeCommand struct {
	placeFlags
	NodeAddress string `help:"This machine's address." placeholder:"IP"`
}

// Run runs the node daemon and the dataplane until a signal, or until the
// supervisor is gone: containers go on. Asked to drain, it ends them too.
func (c *nodeCommand) Run() error {
	log := slog.New(slog.NewTextHandler(os.Stderr, nil)).With("process", "node")
	slog.SetDefault(log)
	callMyself("cairn-node")
	_, paths, err := c.place().Locate()
	if err != nil {
		return err
	}
	s, err := cell.Load(paths)
	if err != nil {
		return err
	}
	addr, err := machineAddress(c.NodeAddress)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var drain atomic.Bool
	go func(words <-chan string) {
		word := <-words
		log.Info("ending", "supervisor", word)
		drain.Store(word == supervise.Drain)
		cancel()
	}(supervise.Lifeline())
	return runNode(ctx, log, paths, s, addr, &drain)
}

// runNode runs a node until ctx ends; its containers too, if it is to drain by then.
func runNode(ctx context.Context, log *slog.Logger, paths cell.Paths, s *cell.Settings, addr netip.Addr, drain *atomic.Bool) error {
	creds, pool, err := nodeCredentials(paths)
	if err != nil {
		return err
	}
	info, err := machineInfo(s, paths.Data, addr)
	if err != nil {
		return err
	}
	streams, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listen for the server's streams: %w", err)
	}
	defer streams.Close()
	info.Streaming = streams.Addr().String()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	found := newRepairs()
	// Containers that end may still ask for names, services and the API.
	serves, serveNoMore := context.WithCancel(context.Background())
	defer serveNoMore()
	plane := network.New(serves, network.Config{Settings: s, Owner: paths.Data, NodeAddr: addr, Log: log,
		OnStart: func() {
			if at, yes := apiForPods(s); yes {
				go forward(serves, at, s.Listen) // ends with serves
			}
		},
		OnRepair: found.add, OnRefused: func(err error) { cancel(&cell.Coded{Code: cell.ExitRefused, Err: err}) }})
	client := &http.Client{Transport: &http.Transport{
		TLSClientConfig:   &tls.Config{RootCAs: pool, Certificates: []tls.Certificate{creds}, MinVersion: tls.VersionTLS12},
		ForceAttemptHTTP2: true, IdleConnTimeout: time.Minute, TLSHandshakeTimeout: 10 * time.Second,
		HTTP2: &http.HTTP2Config{SendPingTimeout: 10 * time.Second, PingTimeout: 10 * time.Second},
	}}
	server := &daemon.Client{Base: s.URL(), Node: s.NodeName, HTTP: client}
	go found.report(serves, server) // ends with serves
	machine, err := host.Open(hostConfig(paths, s, log))
	if err != nil {
		return err
	}
	d, err := daemon.New(daemon.Config{Info: info, Runtime: machine, Server: server, Network: plane, Log: log})
	if err != nil {
		return err
	}
	serving := &http.Server{
		Handler:   streaming.Allow(streaming.Handler(d), serverIdentity),
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{creds}, ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert, MinVersion: tls.VersionTLS12},
		// exec and port-forward take connections over, which HTTP/2 has not.
		TLSNextProto: map[string]func(*http.Server, *tls.Conn, http.Handler){},
		ErrorLog:     slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	go serving.ServeTLS(streams, "", "") // ends with Close
	defer serving.Close()
	local, err := answerLocally(paths, plane)
	if err != nil {
		return err
	}
	defer local.Close()
	err = d.Run(ctx)
	if drain.Load() {
		err = errors.Join(err, d.Shutdown(context.Background(), endContainers))
	}
	err = errors.Join(err, plane.Stop())
	var refused *cell.Coded
	if errors.As(context.Cause(ctx), &refused) {
		return refused
	}
	return err
}

// hostConfig says where the cell's node works on this machine.
func hostConfig(paths cell.Paths, s *cell.Settings, log *slog.Logger) host.Config {
	return host.Config{Cell: s.Name, DataDir: paths.Node(), RunDir: paths.NodeRun(), CgroupParent: sweep.Group(s.Name), Log: log}
}

// nodeCredentials reads what the supervisor issued to this node.
func nodeCredentials(paths cell.Paths) (tls.Certificate, *x509.CertPool, error) {
	dir := paths.NodePKI()
	cert, err := tls.LoadX509KeyPair(filepath.Join(dir, "node.crt"), filepath.Join(dir, "node.key"))
	if err != nil {
		return cert, nil, fmt.Errorf("the node's certificate: %w", err)
	}
	ca, err := os.ReadFile(filepath.Join(dir, "ca.crt"))
	if err != nil {
		return cert, nil, fmt.Errorf("the cell's authority: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(ca) {
		return cert, nil, fmt.Errorf("%s/ca.crt holds no certificate: start the cell again with `cairn up`", dir)
	}
	return cert, pool, nil
}
