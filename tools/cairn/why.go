package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"time"

	"cairn/projections/history"
)

type whyCommand struct {
	placeFlags
	Namespace string `short:"n" help:"The object's namespace (default: default)." placeholder:"NS"`
	Output    string `short:"o" enum:"text,json" default:"text" help:"text or json."`
	About     string `arg:"" name:"KIND/NAME|OFFSET" help:"An object, named as for kubectl, or a record's offset."`
}

func (c *whyCommand) Run(out io.Writer) error {
	server, err := c.open()
	if err != nil {
		return err
	}
	query := url.Values{"object": {c.About}}
	if c.Namespace != "" {
		query.Set("namespace", c.Namespace)
	}
	if _, err := strconv.ParseUint(c.About, 10, 63); err == nil {
		query = url.Values{"offset": {c.About}}
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	story := new(history.Story)
	if err := server.Get(ctx, history.PathWhy, query, story); err != nil {
		return err
	}
	if c.Output == "json" {
		enc := json.NewEncoder(out)
		enc.SetIndent("", "  ")
		return enc.Encode(story)
	}
	return printStory(out, story)
}

// printStory prints a story as a person would tell it: from the person on.
func printStory(out io.Writer, s *history.Story) error {
	w := &lines{out: out}
	w.line("%s", s.Subject)
	section := func(title string, entries []*history.Entry) {
		if len(entries) == 0 {
			return
		}
		w.line("")
		w.line("%s", title)
		for _, e := range entries {
			w.line("  %7d  %s  %s%s", e.Offset, e.Time.Local().Format("15:04:05"), e.Text, causes(e))
		}
	}
	section("What led to it:", s.Chain)
	if s.Omitted > 0 {
		w.line("  (%d earlier steps are left out: `cairn events` lists them)", s.Omitted)
	}
	section("What happened:", s.Steps)
	section("What was done because of it:", s.LedTo)
	w.line("")
	w.line("Now:")
	for _, n := range s.Now {
		w.line("  %s", n)
	}
	for _, n := range s.Children {
		w.line("    %s", n)
	}
	return w.err
}

// causes names the records that a step followed from.
func causes(e *history.Entry) string {
	if len(e.Cause) == 0 {
		return ""
	}
	said := "  <-"
	for _, o := range e.Cause {
		said += fmt.Sprintf(" %d", o)
	}
	return said
}

// lines prints lines until one fails.
type lines struct {
	out io.Writer
	err error
}

func (l *lines) line(format string, args ...any) {
	if l.err == nil {
		_, l.err = fmt.Fprintf(l.out, format+"\n", args...)
	}
}
