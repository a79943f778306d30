// Package probes asks containers how they are: readiness, liveness and startup,
// by command, HTTP or TCP.
//
// In: a probe as core/v1 has it, and how to reach the container (Target). Out:
// verdicts, when enough answers in a row agree (Counter, pure), and that a
// streak of failures began, for people; when to ask is Pace's (pure).
//
// Promises: a verdict is given once, until the opposite one; a probe that takes
// longer than its timeout has failed; a startup probe ends with its first
// verdict; liveness begins well and readiness badly, as in Kubernetes; a
// container that is getting up is asked often, and makes no noise.
//
// Goroutines: Run is one probe's loop, on the caller's goroutine, until its
// context ends.
//
// Read first: testdata/thresholds.
package probes
