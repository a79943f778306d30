// Package supervise keeps a cell's processes running: it starts them, starts
// them again when they die, and ends them in order.
//
// In: a Spec per child. Out: running processes with pid files and logs.
//
// Every child holds the reading end of a pipe, its lifeline. What the
// supervisor writes there is a word that the child acts on (drain); the end of
// the pipe says that the supervisor is gone, however it went, and the child
// ends too, leaving containers alone. So no server or node outlives its cell,
// while shims and containers do.
//
// Promises: a child that dies is started again after a pause that doubles from
// 0.2 to 5 s, and is forgotten once it has lived for 30 s; one that refuses
// (exit code 2 or 3) before it ever lived 30 s is not started again: trying
// the same thing once more would not help. Children have process groups of their own, so that
// Ctrl-C reaches the supervisor alone.
//
// Run is the one goroutine per child; it ends after Stop.
//
// Read first: TestAChildThatDiesIsStartedAgain.
package supervise
