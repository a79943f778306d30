package probes

// Kind of probe.
type Kind string

// The kinds.
const (
	Liveness  Kind = "liveness"
	Readiness Kind = "readiness"
	Startup   Kind = "startup"
)

// Verdict is what a probe has come to.
type Verdict int

// The verdicts. Undecided: nothing changed.
const (
	Undecided Verdict = iota
	Passed
	Failed
)

// Counter turns answers into verdicts.
//
// Invariant: it never gives the same verdict twice in a row; liveness counts
// as passed and readiness as failed before the first answer.
type Counter struct {
	failure, success int
	streak           int // answers in a row, below zero: failures
	last             Verdict
}

// NewCounter counts for a probe of that kind with these thresholds (at least 1).
func NewCounter(k Kind, failure, success int) *Counter {
	c := &Counter{failure: max(1, failure), success: max(1, success)}
	switch k {
	case Liveness:
		c.last = Passed
	case Readiness:
		c.last = Failed
	}
	return c
}

// Assume sets what counts as decided before the first answer, for a probe that
// goes on where an earlier daemon left it.
func (c *Counter) Assume(v Verdict) {
	if v != Undecided {
		c.last = v
	}
}

// Observe takes one answer in. first tells that it begins a streak of failures.
func (c *Counter) Observe(ok bool) (v Verdict, first bool) {
	if ok {
		c.streak = max(c.streak, 0) + 1
	} else {
		c.streak = min(c.streak, 0) - 1
	}
	now := Undecided
	switch {
	case c.streak >= c.success:
		now = Passed
	case c.streak <= -c.failure:
		now = Failed
	}
	if now == c.last {
		now = Undecided
	}
	if now != Undecided {
		c.last = now
	}
	return now, c.streak == -1
}
