package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
)

// profile writes what a server's /debug/pprof/WHAT answers into the folder of
// profiles as PEER-AS.pprof; nothing where no profiles are asked for.
func (b *bench) profile(ctx context.Context, p *peer, what, as string, query map[string]string) error {
	if b.profiles == "" {
		return nil
	}
	if err := os.MkdirAll(b.profiles, 0o755); err != nil {
		return err
	}
	r := p.clients[0].CoreV1().RESTClient().Get().AbsPath("/debug/pprof/" + what)
	for k, v := range query {
		r.Param(k, v)
	}
	data, err := r.Do(ctx).Raw()
	if err != nil {
		return fmt.Errorf("profile of %s: %w", p.name, err)
	}
	return os.WriteFile(filepath.Join(b.profiles, p.name+"-"+as+".pprof"), data, 0o644)
}

// heap profiles what lives in the servers' heaps.
func (b *bench) heap(ctx context.Context, as string) error {
	for _, p := range b.peers {
		if err := b.profile(ctx, p, "heap", as, map[string]string{"gc": "1"}); err != nil {
			return err
		}
	}
	return nil
}
