package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// options are the flags.
type options struct {
	cairn, dir, only, profiles string
	measures                   []string
	objects, rounds            int
	informers, informed        int
	seconds                    time.Duration
}

func main() {
	var o options
	flag.StringVar(&o.cairn, "cairn", "bin/cairn", "the binary to measure")
	flag.StringVar(&o.dir, "dir", ".cache/peers", "where the peers are built")
	flag.StringVar(&o.only, "only", "", "measure this peer alone: kube or cairn")
	flag.StringVar(&o.profiles, "profiles", "", "folder for CPU and heap profiles of each server; empty: none")
	flag.IntVar(&o.objects, "objects", 29_000, "ConfigMaps to measure lists, memory and restart with; try 160000")
	flag.IntVar(&o.rounds, "rounds", 2, "turns that each peer has at each measure")
	flag.IntVar(&o.informers, "informers", 100, "WatchLists at once; 0: none")
	flag.IntVar(&o.informed, "informed", 1000, "objects that each of them gets")
	flag.DurationVar(&o.seconds, "turn", 4*time.Second, "how long a turn of creates takes")
	flag.Func("measures", "only these, such as create,list; all: create,watch,fill,rss,list,inform,restart", func(s string) error {
		o.measures = strings.Split(s, ",")
		return nil
	})
	flag.Parse()
	if err := run(o); err != nil {
		fmt.Fprintln(os.Stderr, "peers:", err)
		os.Exit(1)
	}
}

func run(o options) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if o.objects <= 0 || o.rounds <= 0 {
		return fmt.Errorf("-objects and -rounds must be above zero")
	}
	cpus, err := twoCPUs()
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "peers")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	var peers []*peer
	defer func() {
		for _, p := range peers {
			p.kill()
		}
	}()
	for _, name := range []string{"kube", "cairn"} {
		if o.only != "" && o.only != name {
			continue
		}
		p, err := o.makePeer(ctx, name, filepath.Join(dir, name))
		if err != nil {
			return err
		}
		peers = append(peers, p)
		if err := p.start(ctx); err != nil {
			return err
		}
	}
	if len(peers) == 0 {
		return fmt.Errorf("-only %s: say kube or cairn", o.only)
	}
	b := &bench{options: o, peers: peers, cpus: cpus, out: os.Stdout}
	return b.all(ctx)
}

func (o options) makePeer(ctx context.Context, name, dir string) (*peer, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	if name == "cairn" {
		return newCairn(o.cairn, dir)
	}
	bin, err := build(ctx, o.dir)
	if err != nil {
		return nil, err
	}
	return newKube(bin, dir)
}
