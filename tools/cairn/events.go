package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/signal"
	"syscall"

	"cairn/projections/history"
)

type eventsCommand struct {
	placeFlags
	Since         string `help:"From WHEN on." placeholder:"WHEN"`
	Until         string `help:"Up to WHEN." placeholder:"WHEN"`
	Follow        bool   `short:"f" help:"Go on as records are appended, until Ctrl-C."`
	Namespace     string `short:"n" help:"Only this namespace's objects." placeholder:"NS"`
	AllNamespaces bool   `short:"A" help:"All namespaces; so it is without -n, unless KIND/NAME is given."`
	Type          string `help:"Only this type, or types that begin so: pod.placed, container." placeholder:"TYPE"`
	Outcome       string `help:"accepted, refused, or a reason: moved, exists, fenced..." placeholder:"OUTCOME"`
	Output        string `short:"o" enum:"table,json" default:"table" help:"table or json (one record a line)."`
	Object        string `arg:"" optional:"" name:"KIND/NAME" help:"Only records about this object, named as for kubectl."`
}

func (c *eventsCommand) Run(out io.Writer) error {
	server, err := c.open()
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	query := url.Values{}
	for k, v := range map[string]string{"since": c.Since, "until": c.Until, "namespace": c.Namespace, "type": c.Type, "outcome": c.Outcome, "object": c.Object} {
		if v != "" {
			query.Set(k, v)
		}
	}
	if c.AllNamespaces {
		query.Del("namespace")
	}
	if c.Follow {
		query.Set("follow", "true")
	}
	body, err := server.Stream(ctx, history.PathEvents, query)
	if err != nil {
		return err
	}
	defer body.Close()
	print := c.table(out)
	if c.Output == "json" {
		print = func(line []byte, _ *history.Entry) error { _, err := fmt.Fprintf(out, "%s\n", line); return err }
	}
	return eachEntry(ctx, body, print)
}

// eachEntry reads a stream of entries; its last line may be a problem.
func eachEntry(ctx context.Context, body io.Reader, print func([]byte, *history.Entry) error) error {
	lines := bufio.NewScanner(body)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var both struct {
			history.Entry
			history.Problem
		}
		if err := json.Unmarshal(lines.Bytes(), &both); err != nil {
			return fmt.Errorf("read the server's answer: %w", err)
		}
		if both.Message != "" {
			return fmt.Errorf("the server stopped half-way: %s", both.Message)
		}
		if err := print(lines.Bytes(), &both.Entry); err != nil {
			return err
		}
	}
	if err := lines.Err(); err != nil && ctx.Err() == nil && !errors.Is(err, context.Canceled) {
		return fmt.Errorf("the server went away: %w; ask again with --since", err)
	}
	return nil
}

// table prints entries in columns of fixed width: a followed stream has no end
// to measure up to.
func (c *eventsCommand) table(out io.Writer) func([]byte, *history.Entry) error {
	began := false
	const row = "%-7v  %-19s  %-18s  %-8s  %s\n"
	return func(_ []byte, e *history.Entry) error {
		if !began {
			began = true
			if _, err := fmt.Fprintf(out, row, "OFFSET", "TIME", "TYPE", "OUTCOME", "WHAT HAPPENED"); err != nil {
				return err
			}
		}
		_, err := fmt.Fprintf(out, row, e.Offset, e.Time.Local().Format("2006-01-02 15:04:05"), e.Type, e.Outcome, e.Text)
		return err
	}
}
