package probes

import "time"

// Eager probing: a container that is ready within a second should be served
// within a second, though its probe's period is ten.
const (
	firstStep = 100 * time.Millisecond
	lastStep  = time.Second
)

// Pace says when a probe asks, and which answers count.
//
// In the first period of a container's life, readiness and startup probes ask
// early and often, and a failure then means nothing: the container is getting
// up. Liveness waits for that period to pass, or for its own initial delay.
// From then on all ask once a period. The kubelet spreads first probes by
// chance instead; here the same container is always probed alike.
type Pace struct {
	kind          Kind
	delay, period time.Duration
	eager         bool
	step          time.Duration
}

// NewPace makes the pace of a probe whose verdict so far is was.
func NewPace(k Kind, delay, period time.Duration, was Verdict) *Pace {
	return &Pace{kind: k, delay: delay, period: period, eager: k != Liveness && was != Passed, step: firstStep}
}

// First is how long to wait before the first question, when the container has
// run for ran already.
func (p *Pace) First(ran time.Duration) time.Duration {
	if p.kind == Liveness && p.delay == 0 {
		return max(0, p.period-ran)
	}
	return max(0, p.delay-ran)
}

// Early reports whether the container, which has run for ran, may still be
// getting up.
func (p *Pace) Early(ran time.Duration) bool { return ran < p.delay+p.period }

// Next takes an answer in, given when the container had run for ran: whether it
// counts, and how long to wait before the next question.
func (p *Pace) Next(ok bool, ran time.Duration) (counts bool, wait time.Duration) {
	if ok || !p.eager || !p.Early(ran) {
		p.eager = false
		return true, p.period
	}
	wait = min(p.step, p.delay+p.period-ran)
	p.step = min(2*p.step, lastStep)
	return false, wait
}
