package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
)

// seenPatience is how long a watcher waits for what it must see.
const seenPatience = 10 * time.Second

func (b *bench) watch(ctx context.Context) error {
	return b.turns(ctx, "watch", "one at a time: from the call of a create to its event", b.rounds, watchLatency)
}

// watchLatency creates objects one at a time beside a watcher of their namespace.
func watchLatency(ctx context.Context, p *peer, round int) (sample, error) {
	const each = 100
	maps := p.clients[0].CoreV1().ConfigMaps("kube-system")
	now, err := maps.List(ctx, metav1.ListOptions{Limit: 1})
	if err != nil {
		return sample{}, err
	}
	w, err := p.clients[1].CoreV1().ConfigMaps("kube-system").Watch(ctx, metav1.ListOptions{ResourceVersion: now.ResourceVersion})
	if err != nil {
		return sample{}, err
	}
	defer w.Stop()
	s, began := sample{n: each}, time.Now()
	for i := range each {
		name := fmt.Sprintf("seen-%d-%d", round, i)
		one := time.Now()
		failed := make(chan error, 1)
		go func() {
			_, err := maps.Create(ctx, configMap(name, uint64(i)), metav1.CreateOptions{})
			failed <- err
		}()
		for seen := false; !seen; {
			select {
			case e, ok := <-w.ResultChan():
				o, named := e.Object.(metav1.Object)
				if !ok || !named {
					return s, fmt.Errorf("the watch ended with %v", e.Object)
				}
				seen = o.GetName() == name
			case <-time.After(seenPatience):
				return s, fmt.Errorf("no event for %s within %v", name, seenPatience)
			}
		}
		s.times = append(s.times, time.Since(one))
		if err := <-failed; err != nil {
			return s, err
		}
	}
	s.took = time.Since(began)
	return s, nil
}

// inform has many informers begin at once, as after a restart of a server.
func (b *bench) inform(ctx context.Context) error {
	if b.informers == 0 {
		return nil
	}
	const ns = "informed"
	for _, p := range b.peers {
		if err := p.populate(ctx, ns, b.informed); err != nil {
			return err
		}
	}
	load := fmt.Sprintf("%d WatchLists of %d ConfigMaps of 1 KiB at once, protobuf; p50 and p99: until a list is complete", b.informers, b.informed)
	return b.turns(ctx, "inform", load, b.rounds, func(ctx context.Context, p *peer, _ int) (sample, error) {
		if err := p.resetPeak(); err != nil {
			return sample{}, err
		}
		return p.inform(ctx, ns, b.informers, b.informed)
	})
}

func (p *peer) inform(ctx context.Context, ns string, informers, objects int) (sample, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	s := sample{n: informers, times: make([]time.Duration, informers)}
	failed, bytes := make([]error, informers), make([]int64, informers)
	began := time.Now()
	var all sync.WaitGroup
	for i := range informers {
		all.Go(func() {
			bytes[i], failed[i] = p.watchList(ctx, p.configs[i%users], ns, objects)
			s.times[i] = time.Since(began)
		})
	}
	all.Wait()
	s.took = time.Since(began)
	for i := range informers {
		if failed[i] != nil {
			return s, failed[i]
		}
		s.bytes += bytes[i]
	}
	u, err := p.memory()
	s.peak = u.peak
	return s, err
}

// watchList reads one list by watching until its end is told; frames are
// counted and not decoded, so that the clients leave the CPUs to the servers.
func (p *peer) watchList(ctx context.Context, cfg *rest.Config, ns string, objects int) (int64, error) {
	query := url.Values{"watch": {"true"}, "sendInitialEvents": {"true"}, "allowWatchBookmarks": {"true"}, "resourceVersionMatch": {"NotOlderThan"}}
	resp, err := get(ctx, cfg, "/api/v1/namespaces/"+ns+"/configmaps?"+query.Encode(), "application/vnd.kubernetes.protobuf;stream=watch")
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	return countFrames(resp.Body, objects+1) // the last is the bookmark
}

// get asks for a path without compression.
func get(ctx context.Context, cfg *rest.Config, path, accept string) (*http.Response, error) {
	t, err := rest.TransportFor(cfg) // cached by configuration: one connection
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, cfg.Host+path, nil)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Accept", accept)
	r.Header.Set("Accept-Encoding", "identity")
	resp, err := t.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		body, _ := io.ReadAll(io.LimitReader(resp.Body, 1000))
		resp.Body.Close()
		return nil, fmt.Errorf("%s answers %d: %s", path, resp.StatusCode, body)
	}
	return resp, nil
}
