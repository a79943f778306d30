package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os/signal"
	"strings"
	"syscall"
	"text/tabwriter"

	"cairn/projections/apiserver/gates"
	"cairn/tools/cairn/cell"
)

type activateCommand struct {
	placeFlags
	To     string `help:"The gate (default: the newest that the server knows)." placeholder:"GATE"`
	DryRun bool   `help:"Change nothing; say which servers hold it up."`
	Output string `short:"o" enum:"text,json" default:"text" help:"text or json."`
}

func (c *activateCommand) Run(out io.Writer) error {
	server, err := c.open()
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	query := url.Values{}
	if c.To != "" {
		query.Set("to", c.To)
	}
	r := new(gates.Report)
	method := http.MethodPost
	if c.DryRun {
		method = http.MethodGet
	}
	if err := server.Ask(ctx, method, gates.Path, query, r); err != nil {
		return err
	}
	if err := printGates(out, c.Output, r); err != nil {
		return err
	}
	if held := heldUp(r); c.DryRun && len(held) > 0 {
		return cell.Refuse("gate %s is held up by %s: upgrade them; of one that will not return, say so: cairn cell forget NAME", r.To, strings.Join(held, ", "))
	}
	return nil
}

func heldUp(r *gates.Report) []string {
	var held []string
	for _, s := range r.Servers {
		if s.HoldsUp {
			held = append(held, s.Name)
		}
	}
	return held
}

func printGates(out io.Writer, output string, r *gates.Report) error {
	if output == "json" {
		return json.NewEncoder(out).Encode(r)
	}
	switch {
	case r.Offset != 0:
		fmt.Fprintf(out, "gate %s is active from record %d on\n", r.To, r.Offset)
	case r.Done:
		fmt.Fprintf(out, "gate %s is active already\n", r.To)
	default:
		fmt.Fprintf(out, "gate %s is active; %s would be\n", r.Active, r.To)
	}
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "SERVER\tKNOWS UP TO\tVERSION\tHOLDS UP")
	for _, s := range r.Servers {
		fmt.Fprintf(w, "%s\t%s\t%s\t%t\n", s.Name, s.Supports, s.Version, s.HoldsUp)
	}
	return w.Flush()
}
