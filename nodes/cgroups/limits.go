package cgroups

import (
	"path"
	"strconv"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// Limits of a pod or container; a zero sets nothing.
type Limits struct {
	MilliCPURequest int64 // weight under contention
	MilliCPULimit   int64 // hard
	MemoryBytes     int64
	Pids            int64
}

// The kernel's bounds, and the period that quotas are given for.
const (
	minShares, maxShares = 2, 262144
	minQuotaMicros       = 1000
	periodMicros         = 100_000
)

// Shares turns thousandths of a core into v1's cpu.shares (1024 a core).
func Shares(milli int64) uint64 {
	return uint64(max(minShares, min(maxShares, milli*1024/1000)))
}

// Weight turns v1's shares into v2's cpu.weight, as runc does.
func Weight(shares uint64) uint64 { return 1 + (shares-2)*9999/262142 }

// Quota is the CPU time in microseconds for each period; 0: no limit.
func Quota(milli int64) int64 {
	if milli <= 0 {
		return 0
	}
	return max(minQuotaMicros, milli*periodMicros/1000)
}

// Resources says the limits in the words of an OCI spec; runc writes them in
// whatever hierarchy there is.
func (l Limits) Resources() *specs.LinuxResources {
	r := &specs.LinuxResources{CPU: &specs.LinuxCPU{}}
	shares := Shares(l.MilliCPURequest)
	r.CPU.Shares = &shares
	if q := Quota(l.MilliCPULimit); q > 0 {
		period := uint64(periodMicros)
		r.CPU.Quota, r.CPU.Period = &q, &period
	}
	if l.MemoryBytes > 0 {
		r.Memory = &specs.LinuxMemory{Limit: &l.MemoryBytes}
	}
	if l.Pids > 0 {
		r.Pids = &specs.LinuxPids{Limit: &l.Pids}
	}
	return r
}

// Write is one value to write to one control file.
type Write struct{ File, Value string }

// Writes lists what sets the limits on a group of ours (not runc's), in order.
// In v2 the controllers are first handed down from the root.
func (l Layout) Writes(group string, lim Limits) []Write {
	var ws []Write
	add := func(controller, name, value string) {
		if f := l.file(controller, group, name); f != "" {
			ws = append(ws, Write{f, value})
		}
	}
	shares, quota := Shares(lim.MilliCPURequest), Quota(lim.MilliCPULimit)
	if l.IsV2() {
		for _, up := range ancestors(group) {
			ws = append(ws, Write{l.file("", up, "cgroup.subtree_control"), "+cpu +memory +pids"})
		}
		add("", "cpu.weight", strconv.FormatUint(Weight(shares), 10))
		if quota > 0 {
			add("", "cpu.max", strconv.FormatInt(quota, 10)+" "+strconv.Itoa(periodMicros))
		}
		if lim.MemoryBytes > 0 {
			add("", "memory.max", strconv.FormatInt(lim.MemoryBytes, 10))
		}
		if lim.Pids > 0 {
			add("", "pids.max", strconv.FormatInt(lim.Pids, 10))
		}
		return ws
	}
	add("cpu", "cpu.shares", strconv.FormatUint(shares, 10))
	if quota > 0 {
		add("cpu", "cpu.cfs_period_us", strconv.Itoa(periodMicros))
		add("cpu", "cpu.cfs_quota_us", strconv.FormatInt(quota, 10))
	}
	if lim.MemoryBytes > 0 {
		add("memory", "memory.use_hierarchy", "1")
		add("memory", "memory.limit_in_bytes", strconv.FormatInt(lim.MemoryBytes, 10))
	}
	if lim.Pids > 0 {
		add("pids", "pids.max", strconv.FormatInt(lim.Pids, 10))
	}
	return ws
}

// ancestors of /a/b/c are /, /a, /a/b.
func ancestors(group string) []string {
	out := []string{"/"}
	at := "/"
	parts := strings.Split(strings.Trim(group, "/"), "/")
	for _, p := range parts[:len(parts)-1] {
		at = path.Join(at, p)
		out = append(out, at)
	}
	return out
}
