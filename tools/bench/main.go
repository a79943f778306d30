package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"syscall"
	"time"
)

// Line is one measurement. Times are in microseconds, rates per second.
type Line struct {
	What   string  `json:"what"`
	Load   string  `json:"load"`
	N      int     `json:"n"`
	Rate   float64 `json:"rate,omitempty"`
	P50    float64 `json:"p50us,omitempty"`
	P99    float64 `json:"p99us,omitempty"`
	Remark string  `json:"remark,omitempty"`
}

func main() {
	cairn := flag.String("cairn", "bin/cairn", "the binary to measure whole cells with")
	seconds := flag.Float64("seconds", 2, "how long each open-ended measure takes")
	inside := flag.Bool("inside", false, "this process is in its own network namespace already")
	flag.Parse()
	if err := run(*cairn, time.Duration(*seconds*float64(time.Second)), *inside); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(cairn string, long time.Duration, inside bool) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if !inside {
		return again(ctx)
	}
	dir, err := os.MkdirTemp("", "cb")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	for _, measure := range []func() error{
		func() error { return ledgerAppend(ctx, dir, long) },
		func() error { return folding(ctx, dir) },
		func() error { return wholeCell(ctx, cairn, dir) },
	} {
		if err := measure(); err != nil {
			return err
		}
	}
	return nil
}

// again runs this program in a network namespace of its own, so that its cell
// meets no other. Files and cgroups stay the machine's.
func again(ctx context.Context) error {
	if os.Geteuid() != 0 {
		return fmt.Errorf("whole cells need root: run it with sudo")
	}
	cmd := exec.CommandContext(ctx, "/proc/self/exe", append([]string{"-inside"}, os.Args[1:]...)...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	return cmd.Run()
}

// say prints one line.
func say(l Line) error { return json.NewEncoder(os.Stdout).Encode(l) }

// spread fills in the line's percentiles.
func (l Line) spread(times []time.Duration) Line {
	slices.Sort(times)
	at := func(share float64) float64 {
		if len(times) == 0 {
			return 0
		}
		return float64(times[int(share*float64(len(times)-1))].Nanoseconds()) / 1e3
	}
	l.N, l.P50, l.P99 = len(times), at(0.5), at(0.99)
	return l
}
