package budget

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Defaults of Limits, and how many users are remembered before quiet ones are
// looked for.
const (
	DefaultRate  = 200.0
	DefaultBurst = 2000
	crowd        = 4096
)

// Limits are what each user may append.
type Limits struct {
	Rate  float64 // records a second, sustained; 0: DefaultRate; below 0: no limit
	Burst int     // records at once after a quiet time; 0: ten seconds' worth
}

// Times gives limits n times as wide.
func (l Limits) Times(n int) Limits {
	l = l.whole()
	return Limits{Rate: l.Rate * float64(n), Burst: l.Burst * n}
}

func (l Limits) whole() Limits {
	if l.Rate == 0 {
		l.Rate = DefaultRate
	}
	if l.Burst <= 0 {
		l.Burst = max(1, int(l.Rate*DefaultBurst/DefaultRate))
	}
	return l
}

// Budget keeps what each user has left. Invariant: no bucket holds more than
// Burst, whatever the clock did.
type Budget struct {
	limits Limits

	mu      sync.Mutex
	buckets map[string]*rate.Limiter
}

// New makes a budget; every user begins with a full burst.
func New(l Limits) *Budget {
	return &Budget{limits: l.whole(), buckets: map[string]*rate.Limiter{}}
}

// Limits tells what each user may append, defaults filled in.
func (b *Budget) Limits() Limits { return b.limits }

// Spend takes one record from the user's bucket, and returns 0; or takes
// nothing, and returns in how long there will be one.
func (b *Budget) Spend(user string, now time.Time) time.Duration {
	if b.limits.Rate < 0 {
		return 0
	}
	r := b.bucket(user, now).ReserveN(now, 1)
	wait := r.DelayFrom(now)
	if wait > 0 {
		r.CancelAt(now)
	}
	return wait
}

func (b *Budget) bucket(user string, now time.Time) *rate.Limiter {
	b.mu.Lock()
	defer b.mu.Unlock()
	if l := b.buckets[user]; l != nil {
		return l
	}
	if len(b.buckets) >= crowd {
		for name, l := range b.buckets {
			if l.TokensAt(now) >= float64(b.limits.Burst) {
				delete(b.buckets, name) // a full bucket is what a stranger gets
			}
		}
	}
	l := rate.NewLimiter(rate.Limit(b.limits.Rate), b.limits.Burst)
	b.buckets[user] = l
	return l
}
