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
	reported         bool // that this streak of failures is one
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

// Observe takes one answer in. early says that the container has only just
// started. report is true once in a streak of failures: at its second one, or at
// its first where the container had time to get up.
func (c *Counter) Observe(ok, early bool) (v Verdict, report bool) {
	if ok {
		c.streak, c.reported = max(c.streak, 0)+1, false
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
	report = !ok && !c.reported && (!early || c.streak <= -2)
	c.reported = c.reported || report
	return now, report
}
