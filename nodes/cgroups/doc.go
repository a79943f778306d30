// Package cgroups puts limits on pods and containers, in hierarchy v1, v2 and
// the hybrid of both.
//
// A cell's groups lie under /cairn/CELL: one per pod (its uid), below it one
// per container, made by runc; and "shims", where the pods' shims live, away
// from the group of the daemon's unit.
//
// In: a Layout (which controller is mounted where) and Limits. Out: the files
// to write, as a value (Writes), so that every hierarchy is table-tested on
// any machine; what runc is to set, as a part of the OCI spec (Resources).
//
// Promises: Remove leaves nothing of a group behind, the parent directories
// that runc makes and leaves included; it waits a moment for processes that
// are just ending, and never kills.
//
// Goroutines: none. Writes, Resources, Parse are pure; the rest touches
// /sys/fs/cgroup.
//
// Read first: testdata/limits-of-a-pod.
package cgroups
