// Package sweep removes what a cell leaves on a machine, however it ended:
// also after everything was killed at once.
//
// In: a cell's folders and settings. Out: no process, mount, cgroup, link,
// route, table or changed setting of it; its RunDir gone; its DataDir kept.
//
// Everything is found by what the kernel says now, never by what a process
// noted before it died: processes by their program (ours lie in DataDir) and
// by the cell's cgroups, mounts by their place below the cell's folders, the
// rest by the cell's names.
//
// Promises: nothing of another cell or of the machine is touched; RunDir is
// removed only when it is the cell's own and no mount is left in it, since a
// pod's hostPath may be mounted there; running it again is harmless.
//
// No goroutine. Read first: sweep.go, then TestDownLeavesNothingButTheData in celltest.
package sweep
