// Package celltest tries whole cells: the real binary, started as a person
// starts it, with real processes, files, network and runc, driven by the
// kubectl that is built in.
//
// In: the source tree (the binary is built once per run) and the images of
// deploy/examples. Out: nothing but tests.
//
// Each test's cell lives in network namespaces of its own: a machine with one
// uplink, and an outside that is its default gateway and counts what arrives.
// So cells of several tests, and a person's, run side by side; folders, names,
// ports and cgroups are each test's own too.
//
// Promises: everything is removed at the end, also of a test that failed, whose
// logs are shown first; nothing waits by the clock but for a condition.
//
// Read first: harness_test.go, then guestbook_test.go.
package celltest
