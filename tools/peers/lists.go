package main

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// settleTime is how long servers are left alone before their memory is read:
// collectors give back what they freed.
const settleTime = 10 * time.Second

// rest reads the servers' memory with all objects there and nothing to do.
func (b *bench) rest(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(settleTime):
	}
	if err := b.heap(ctx, "filled"); err != nil {
		return err
	}
	return b.sayMemory("rss", fmt.Sprintf("with %d ConfigMaps of 1 KiB, after %v without load", b.objects, settleTime))
}

func (b *bench) sayMemory(what, load string) error {
	l := line{What: what, Load: load}
	for _, p := range b.peers {
		u, err := p.memory()
		if err != nil {
			return err
		}
		l.set(p, Figures{"rss_mb": megabytes(u.now), "anon_mb": megabytes(u.own), "kb_an_object": float64(u.now) / 1e3 / float64(b.objects)})
	}
	return l.say(b.out)
}

// lists asks for everything at once, as JSON and as protobuf.
func (b *bench) lists(ctx context.Context) error {
	for _, t := range []string{"application/json", "application/vnd.kubernetes.protobuf"} {
		load := fmt.Sprintf("%d ConfigMaps in one answer, %s, not compressed, read and dropped", b.objects, t)
		err := b.turns(ctx, "list", load, max(3, b.rounds), func(ctx context.Context, p *peer, _ int) (sample, error) { return p.list(ctx, t) })
		if err != nil {
			return err
		}
	}
	return nil
}

func (p *peer) list(ctx context.Context, accept string) (sample, error) {
	if err := p.resetPeak(); err != nil {
		return sample{}, err
	}
	began := time.Now()
	resp, err := get(ctx, p.configs[0], "/api/v1/namespaces/"+namespace+"/configmaps", accept)
	if err != nil {
		return sample{}, err
	}
	defer resp.Body.Close()
	n, err := io.Copy(io.Discard, resp.Body)
	took := time.Since(began)
	if err != nil {
		return sample{}, err
	}
	u, err := p.memory()
	return sample{n: 1, took: took, times: []time.Duration{took}, peak: u.peak, bytes: n}, err
}

// restart kills a peer's processes and waits until it answers again.
func (b *bench) restart(ctx context.Context) error {
	load := fmt.Sprintf("kill -9, then until /readyz, with %d ConfigMaps of 1 KiB", b.objects)
	err := b.turns(ctx, "restart", load, b.rounds, func(ctx context.Context, p *peer, _ int) (sample, error) {
		p.kill()
		began := time.Now()
		err := p.start(ctx)
		took := time.Since(began)
		return sample{n: 1, took: took, times: []time.Duration{took}}, err
	})
	if err != nil {
		return err
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(settleTime):
	}
	if err := b.heap(ctx, "restarted"); err != nil {
		return err
	}
	return b.sayMemory("rss-restarted", fmt.Sprintf("with %d ConfigMaps of 1 KiB, %v after the restart", b.objects, settleTime))
}

// populate makes a namespace with so many objects in it.
func (p *peer) populate(ctx context.Context, ns string, objects int) error {
	_, err := p.clients[0].CoreV1().Namespaces().Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: ns}}, metav1.CreateOptions{})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return err
	}
	failed := make([]error, users)
	var all sync.WaitGroup
	for u := range users {
		all.Go(func() {
			for i := u; i < objects && failed[u] == nil; i += users {
				_, failed[u] = p.clients[u].CoreV1().ConfigMaps(ns).Create(ctx, configMap(fmt.Sprintf("i%d", i), uint64(i)), metav1.CreateOptions{})
			}
		})
	}
	all.Wait()
	for _, err := range failed {
		if err != nil {
			return fmt.Errorf("populate %s: %w", ns, err)
		}
	}
	return nil
}
