package daemon

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"

	"cairn/events"
)

// pause waits for t; false when ctx ends first.
func (d *Daemon) pause(ctx context.Context, t time.Duration) bool {
	timer := d.cfg.Clock.NewTimer(t)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C():
		return true
	}
}

// timeout is context.WithTimeout on the daemon's clock.
func (d *Daemon) timeout(ctx context.Context, t time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	timer := d.cfg.Clock.AfterFunc(t, func() { cancel(context.DeadlineExceeded) })
	return ctx, func() { timer.Stop(); cancel(nil) }
}

// random makes the randomness of one purpose: what one part of a daemon draws
// never depends on how its goroutines took turns, so a seed repeats a run.
func (d *Daemon) random(purpose string) *rand.ChaCha8 {
	return rand.NewChaCha8(sha256.Sum256(append(d.cfg.Seed[:], purpose...)))
}

// jitter is t, a tenth more or less: what came together does not come together
// for ever.
func jitter(t time.Duration, r rand.Source) time.Duration {
	return t - t/10 + time.Duration(rand.New(r).Int64N(int64(t/5)+1))
}

// retry is the waits of a loop that tries again.
type retry struct {
	first   time.Duration
	last    time.Duration
	backoff wait.Backoff
	random  rand.Source
}

func (d *Daemon) retry(purpose string, first, last time.Duration) *retry {
	r := &retry{first: first, last: last, random: d.random(purpose)}
	r.reset()
	return r
}

// reset begins with the first wait again.
func (r *retry) reset() {
	r.backoff = wait.Backoff{Duration: r.first, Factor: 2, Cap: r.last, Steps: math.MaxInt32}
}

// next is how long to wait now: each time twice as long, up to the last.
func (r *retry) next() time.Duration { return jitter(r.backoff.Step(), r.random) }

// newID is a UUIDv7 (RFC 9562) of that moment.
func newID(now time.Time, r *rand.ChaCha8) events.ID {
	var id events.ID
	_, _ = r.Read(id[:]) // never fails
	var ms [8]byte
	binary.BigEndian.PutUint64(ms[:], uint64(now.UnixMilli()))
	copy(id[:6], ms[2:])
	id[6] = id[6]&0x0f | 0x70
	id[8] = id[8]&0x3f | 0x80
	return id
}
