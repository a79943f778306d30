package message

import (
	"fmt"
	"slices"
	"strings"

	"cairn/events"
	"cairn/projections/fit"
)

// filters are kube-scheduler's words for nodes that were left out.
var filters = map[fit.Reason]string{
	fit.NotRegistered: "node(s) had not registered",
	fit.NotReady:      "node(s) were not ready",
	fit.Deleting:      "node(s) were being deleted",
	fit.Unschedulable: "node(s) were unschedulable",
	fit.Selector:      "node(s) didn't match Pod's node affinity/selector",
	fit.HostPort:      "node(s) didn't have free ports for the requested pod ports",
	fit.TooManyPods:   "Too many pods",
	fit.CPU:           "Insufficient cpu",
	fit.Memory:        "Insufficient memory",
	fit.Storage:       "Insufficient ephemeral-storage",
}

func filter(f events.Filtered) string {
	switch r := fit.Reason(f.Reason); r {
	case fit.Taint:
		key, rest, _ := strings.Cut(f.Arg, "=")
		value, _, _ := strings.Cut(rest, ":")
		return fmt.Sprintf("node(s) had untolerated taint {%s: %s}", key, value)
	case fit.Refused:
		return "node(s) were refused by the cell: " + f.Arg
	default:
		if s, ok := filters[r]; ok {
			return s
		}
		return "node(s) " + Refusal(fit.Refusal{Reason: r, Arg: f.Arg})
	}
}

// Decision says why no node fits, as kubectl describe prints it for
// Kubernetes: "0/3 nodes are available: 1 Insufficient cpu, 2 Too many pods."
// Of a placement it says what was chosen from; of none, nothing.
func Decision(d *events.Decision) string {
	switch {
	case d == nil:
		return ""
	case d.Feasible > 0:
		return chosen(d)
	case len(d.Filtered) == 1 && fit.Reason(d.Filtered[0].Reason) == fit.NoNode:
		return fmt.Sprintf("asked for node %s, which does not exist", d.Filtered[0].Arg)
	case d.Nodes == 0:
		return "no nodes available to schedule pods"
	}
	var parts []string
	for _, f := range d.Filtered {
		parts = append(parts, fmt.Sprintf("%d %s", f.Nodes, filter(f)))
	}
	slices.Sort(parts)
	return fmt.Sprintf("0/%d nodes are available: %s.", d.Nodes, strings.Join(parts, ", "))
}

// chosen says why a node was taken: "best of 2 that fit; n3: Insufficient cpu".
func chosen(d *events.Decision) string {
	var b strings.Builder
	switch {
	case d.Nodes == 1:
		b.WriteString("fits, the only node")
	case d.Feasible == 1:
		b.WriteString("the only one that fits")
	default:
		fmt.Fprintf(&b, "best of %d that fit", d.Feasible)
	}
	for _, f := range d.Filtered {
		if uint64(len(f.Names)) < f.Nodes {
			fmt.Fprintf(&b, "; %d nodes: %s", f.Nodes, filter(f))
			continue
		}
		fmt.Fprintf(&b, "; %s: %s", strings.Join(f.Names, ", "), filter(f))
	}
	return b.String()
}
