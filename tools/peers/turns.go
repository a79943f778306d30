package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"time"
)

// bench holds the peers while they are measured.
type bench struct {
	options
	peers []*peer
	cpus  []int
	out   io.Writer
	made  map[*peer]int // objects that turns of creates have made
}

// all measures in the order in which objects grow in number.
func (b *bench) all(ctx context.Context) error {
	b.made = map[*peer]int{}
	for _, m := range []struct {
		name string
		run  func(context.Context) error
	}{{"create", b.create}, {"watch", b.watch}, {"fill", b.fill}, {"rss", b.rest}, {"list", b.lists}, {"inform", b.inform}, {"restart", b.restart}} {
		if len(b.measures) > 0 && !slices.Contains(b.measures, m.name) {
			continue
		}
		if err := m.run(ctx); err != nil {
			return err
		}
	}
	return nil
}

// turns measures the peers one after the other, round by round, and says the sum.
func (b *bench) turns(ctx context.Context, what, load string, rounds int, turn func(context.Context, *peer, int) (sample, error)) error {
	sums := map[*peer]*sample{}
	watch, err := b.watchOthers()
	if err != nil {
		return err
	}
	for r := range rounds {
		for _, p := range b.peers {
			s, err := b.turn(ctx, p, r, turn)
			if err != nil {
				return fmt.Errorf("%s of %s: %w\n%s", what, p.name, err, p.lastWords())
			}
			if sums[p] == nil {
				sums[p] = &sample{}
			}
			sums[p].add(s)
		}
	}
	l := line{What: what, Load: load}
	for p, s := range sums {
		l.set(p, s.figures())
	}
	if l.Others, err = watch(); err != nil {
		return err
	}
	return l.say(b.out)
}

// turn is one peer's turn, with its servers' CPU time.
func (b *bench) turn(ctx context.Context, p *peer, round int, turn func(context.Context, *peer, int) (sample, error)) (sample, error) {
	before, err := p.cpu()
	if err != nil {
		return sample{}, err
	}
	s, err := turn(ctx, p, round)
	if err != nil {
		return s, err
	}
	after, err := p.cpu()
	s.cpu = after - before
	return s, err
}

func (l *line) set(p *peer, f Figures) {
	if p.name == "cairn" {
		l.Cairn = f
	} else {
		l.Kube = f
	}
}

// watchOthers begins to look at what the CPUs do for others; the answer is
// their share of the time since.
func (b *bench) watchOthers() (func() (float64, error), error) {
	theirs := func() (time.Duration, error) {
		all, err := busy(b.cpus)
		if err != nil {
			return 0, err
		}
		mine, err := cpuOf(os.Getpid())
		for _, p := range b.peers {
			if err == nil {
				var c time.Duration
				c, err = p.cpu()
				mine += c
			}
		}
		return all - mine, err
	}
	began := time.Now()
	from, err := theirs()
	if err != nil {
		return nil, err
	}
	return func() (float64, error) {
		to, err := theirs()
		return max(0, (to-from).Seconds()/time.Since(began).Seconds()/float64(len(b.cpus))), err
	}, nil
}
