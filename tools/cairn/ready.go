package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"cairn/tools/cairn/cell"
	"cairn/tools/cairn/client"
)

// awaitReady returns once the API answers /readyz and this machine's node has
// registered since the moment given and is ready.
func awaitReady(ctx context.Context, paths cell.Paths, s *cell.Settings, since time.Time) error {
	server, err := client.Open(paths.Kubeconfig())
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, readyPatience)
	defer cancel()
	for pause := time.NewTicker(50 * time.Millisecond); ; {
		err := readyNow(ctx, server, paths, s.NodeName, since)
		if err == nil {
			pause.Stop()
			return nil
		}
		select {
		case <-ctx.Done():
			pause.Stop()
			return fmt.Errorf("not ready after %v: %w", readyPatience, err)
		case <-pause.C:
		}
	}
}

func readyNow(ctx context.Context, server *client.Client, paths cell.Paths, node string, since time.Time) error {
	body, err := server.Stream(ctx, "/readyz", nil)
	if err != nil {
		return err
	}
	body.Close()
	st, err := server.Status(ctx)
	if err != nil {
		return err
	}
	for _, n := range st.Nodes {
		if n.Name != node {
			continue
		}
		// Claimed by clocks of this machine alone, or by a broker's: allow it a little.
		if n.RegisteredAt.Before(since.Add(-2 * time.Second)) {
			return fmt.Errorf("node %s has not registered anew yet", node)
		}
		if !n.Ready {
			return fmt.Errorf("node %s is not ready: %s", node, n.Why)
		}
		return dataplaneReady(paths)
	}
	return fmt.Errorf("node %s has not registered yet", node)
}

func dataplaneReady(paths cell.Paths) error {
	resp, err := askNode(paths, "/ready")
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return errors.New("the dataplane is not there yet")
	}
	return nil
}

// command is how a person says a command about this very cell.
func command(name string, paths cell.Paths) string {
	if paths.Data == "/var/lib/cairn" {
		return "cairn " + name
	}
	return "cairn " + name + " --data-dir " + paths.Data
}

// announce prints the lines that a user needs, and leaves them where the
// parent of a detached cell finds them.
func announce(out io.Writer, paths cell.Paths, s *cell.Settings) error {
	use := "export KUBECONFIG=" + paths.Kubeconfig()
	if paths.Data == "/var/lib/cairn" {
		use += "   # not needed for `cairn kubectl`"
	}
	end := "`" + command("down", paths) + "`"
	if !isDetached() {
		end = "Ctrl-C, or from elsewhere with " + end
	}
	var b strings.Builder
	fmt.Fprintf(&b, "cell %s is ready at %s, node %s, ledger %s\n", s.Name, s.URL(), s.NodeName, s.Ledger)
	fmt.Fprintf(&b, "  %s\n  cairn kubectl get nodes\n", use)
	fmt.Fprintf(&b, "logs: %s; end it with %s\n", paths.Logs(), end)
	if err := cell.Replace(paths.Ready(), []byte(b.String()), 0o644); err != nil {
		return err
	}
	_, err := io.WriteString(out, b.String())
	return err
}
