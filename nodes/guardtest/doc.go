// Package guardtest makes sure that a test binary leaves nothing behind: no
// process, no mount, no cgroup, no folder, however it ends.
//
// Shims and containers outlive who started them: that is what they are for. So
// tests that time out, or are killed, would leave them running for ever. Here a
// second process, the guard, holds the reading end of a pipe; when the pipe
// ends, and the kernel sees to that, it sweeps everything that belongs to the
// folder and the cgroup of that test binary.
//
// In: TestMain calls Main, and tests put their folders in t.TempDir and their
// cgroups below Group. Out: exit code 1 where the tests themselves left
// something; the guard takes it away all the same.
//
// Promises: nothing outside that folder and cgroup is touched; two binaries at
// once do not meet.
//
// Goroutines: none. Read first: TestWhatAKilledTestLeavesIsTakenAway.
package guardtest
