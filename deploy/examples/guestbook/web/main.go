package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// drain is how long requests in flight get after SIGTERM; it is well under
// Kubernetes' default grace of 30 s.
const drain = 5 * time.Second

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if err := run(ctx, os.Getenv); err != nil {
		fmt.Fprintln(os.Stderr, "web:", err)
		os.Exit(1)
	}
}

// run serves until ctx ends, then drains. It returns nil on a clean end, and
// the listener's error if the address cannot be had.
func run(ctx context.Context, env func(string) string) error {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	s := &site{
		book: book{addr: or(env("REDIS_ADDR"), "redis:6379"), key: or(env("REDIS_KEY"), "guestbook")},
		host: host,
		out:  os.Stdout,
	}
	server := &http.Server{
		Addr:              or(env("LISTEN"), ":8080"),
		Handler:           s.handler(),
		ReadHeaderTimeout: 5 * time.Second,
	}
	failed := make(chan error, 1)
	go func() { failed <- server.ListenAndServe() }()
	fmt.Fprintf(s.out, "listening on %s, redis at %s\n", server.Addr, s.book.addr)

	select {
	case err := <-failed:
		return fmt.Errorf("set LISTEN to a free address: %w", err)
	case <-ctx.Done():
	}
	s.ending.Store(true)
	fmt.Fprintln(s.out, "asked to end: finishing what is in flight")
	last, cancel := context.WithTimeout(context.Background(), drain)
	defer cancel()
	if err := server.Shutdown(last); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return nil
}

func or(value, fallback string) string {
	if value == "" {
		return fallback
	}
	return value
}
