package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const namespace = "default"

// configMap makes an object with 1 KiB of data that no compression shrinks to
// nothing. seed tells it apart from others.
func configMap(name string, seed uint64) *corev1.ConfigMap {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/"
	dice := rand.New(rand.NewPCG(seed, 1))
	data := make([]byte, 1024)
	for i := range data {
		data[i] = letters[dice.IntN(len(letters))]
	}
	return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name}, Data: map[string]string{"data": string(data)}}
}

// create measures creates by few and by many clients.
func (b *bench) create(ctx context.Context) error {
	for _, clients := range []int{1, 16, 64} {
		load := fmt.Sprintf("1 KiB ConfigMaps, protobuf, %d clients on %d connections", clients, min(clients, users))
		err := b.turns(ctx, "create", load, b.rounds, func(ctx context.Context, p *peer, _ int) (sample, error) {
			return b.creates(ctx, p, clients)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// creates has clients create one object after another for as long as a turn is.
func (b *bench) creates(ctx context.Context, p *peer, clients int) (sample, error) {
	if clients == 16 && b.profiles != "" {
		profiled := make(chan error, 1)
		go func() {
			profiled <- b.profile(ctx, p, "profile", "create", map[string]string{"seconds": fmt.Sprint(max(1, int(b.seconds.Seconds())-1))})
		}()
		s, err := b.work(ctx, p, clients, func(int) bool { return true }, b.seconds)
		return s, errors.Join(err, <-profiled)
	}
	return b.work(ctx, p, clients, func(int) bool { return true }, b.seconds)
}

// work creates for a time, and while more says so of the objects made so far.
func (b *bench) work(ctx context.Context, p *peer, clients int, more func(done int) bool, long time.Duration) (sample, error) {
	times, failed := make([][]time.Duration, clients), make([]error, clients)
	first := b.made[p]
	var next atomic.Int64
	began := time.Now()
	var all sync.WaitGroup
	for c := range clients {
		maps := p.clients[c%users].CoreV1().ConfigMaps(namespace)
		all.Go(func() {
			for time.Since(began) < long {
				i := first + int(next.Add(1)) - 1
				if !more(i) {
					return
				}
				m := configMap(fmt.Sprintf("m%07d", i), uint64(i))
				one := time.Now()
				if _, err := maps.Create(ctx, m, metav1.CreateOptions{}); err != nil {
					failed[c] = err
					return
				}
				times[c] = append(times[c], time.Since(one))
			}
		})
	}
	all.Wait()
	s := sample{took: time.Since(began)}
	for _, t := range times {
		s.times = append(s.times, t...)
	}
	s.n = len(s.times)
	b.made[p] = first + int(next.Load())
	return s, errors.Join(failed...)
}

// fill creates until all objects are there, in turns, and tells how fast the
// first and the last turn were: a rate that falls says that cost grows with
// what is there.
func (b *bench) fill(ctx context.Context) error {
	watch, err := b.watchOthers()
	if err != nil {
		return err
	}
	const clients = 16
	first, last := map[*peer]float64{}, map[*peer]float64{}
	for goal := 0; goal < b.objects; {
		goal = min(b.objects, goal+max(2000, b.objects/10))
		for _, p := range b.peers {
			if b.made[p] >= goal {
				continue
			}
			s, err := b.work(ctx, p, clients, func(i int) bool { return i < goal }, time.Hour)
			if err != nil {
				return fmt.Errorf("fill %s: %w\n%s", p.name, err, p.lastWords())
			}
			b.made[p] = goal
			rate := float64(s.n) / s.took.Seconds()
			if first[p] == 0 {
				first[p] = rate
			}
			last[p] = rate
		}
	}
	l := line{What: "fill", Load: fmt.Sprintf("up to %d ConfigMaps of 1 KiB, %d clients, in turns", b.objects, clients)}
	for _, p := range b.peers {
		if first[p] > 0 {
			l.set(p, Figures{"first_per_s": first[p], "last_per_s": last[p], "last_to_first": last[p] / first[p]})
		}
	}
	if l.Others, err = watch(); err != nil {
		return err
	}
	return l.say(b.out)
}
