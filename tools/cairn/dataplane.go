package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"

	"cairn/tools/cairn/cell"
	"cairn/tools/cairn/network"
)

type dataplaneCommand struct {
	Show dataplaneShow `cmd:"" help:"Print the rules and maps of this machine's node in words."`
}

type dataplaneShow struct{ placeFlags }

func (c *dataplaneShow) Run(out io.Writer) error {
	if os.Geteuid() != 0 {
		return cell.Refuse("the rules belong to the machine's node: run this as root, with sudo")
	}
	_, paths, err := c.place().Locate()
	if err != nil {
		return err
	}
	resp, err := askNode(paths, "/dataplane")
	if err != nil {
		return fmt.Errorf("no node answers on this machine (%w): see `cairn status`, or start the cell with `cairn up`", errors.Unwrap(err))
	}
	defer resp.Body.Close()
	_, err = io.Copy(out, resp.Body)
	return err
}

// askNode asks this machine's node daemon.
func askNode(paths cell.Paths, path string) (*http.Response, error) {
	client := &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", paths.NodeSocket())
		},
	}}
	return client.Get("http://node" + path)
}

// answerLocally answers what root of this machine asks of its node.
func answerLocally(paths cell.Paths, n *network.Network) (io.Closer, error) {
	if err := os.Remove(paths.NodeSocket()); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	l, err := net.Listen("unix", paths.NodeSocket())
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", paths.NodeSocket(), err)
	}
	if err := os.Chmod(paths.NodeSocket(), 0o600); err != nil {
		l.Close()
		return nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /dataplane", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, n.Show()) })
	mux.HandleFunc("GET /ready", func(w http.ResponseWriter, _ *http.Request) {
		if !n.Ready() {
			http.Error(w, "the dataplane is not there yet", http.StatusServiceUnavailable)
		}
	})
	s := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	go s.Serve(l) // ends with Close
	return s, nil
}
