// Package lifecycle decides what a node does next for one pod.
//
// In: what the pod asks for (Spec), and events: its sandbox is ready, a
// container started, exited, became healthy, the pod is to go. Out: actions
// (make the sandbox, start, stop or kill a container, remove everything), and
// when to look again though nothing happens.
//
// Promises: init containers run in order, each to its end (or, where it is
// restarted always, until it started); containers are restarted by the pod's
// policy, at once the first time and then after 10 s, 20 s, 40 s ... 5 min,
// from 10 s again after ten minutes of running; a stop is a request first and
// a kill after the grace period; sidecars end after the containers they serve.
// Nothing is started in a pod that is being deleted or has ended; one that has
// ended gives its sandbox back and reports so until it is heard. The end of the
// cell, the loss of a sandbox and a changed image are no crashes: nothing waits
// for them. The same events at the same times give the same actions.
//
// A Machine can be written out as JSON (State) and go on from there, so a
// daemon that restarts neither forgets back-offs nor counts twice.
//
// Pure: no goroutines, no clock; the caller says what time it is.
//
// Read first: testdata/restart-backs-off, then
// testdata/a-completed-pod-gives-its-sandbox-back.
package lifecycle
