package scheduler

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// explain says why no node fits, as kubectl describe prints it for Kubernetes:
// "0/3 nodes are available: 1 Insufficient cpu, 2 node(s) had untolerated taint {k: v}."
func explain(nodes int, refused map[string][]string) string {
	if nodes == 0 {
		return "no nodes available to schedule pods"
	}
	var parts []string
	for _, reason := range slices.Sorted(maps.Keys(refused)) {
		parts = append(parts, fmt.Sprintf("%d %s", len(refused[reason]), reason))
	}
	slices.SortStableFunc(parts, strings.Compare)
	return fmt.Sprintf("0/%d nodes are available: %s.", nodes, strings.Join(parts, ", "))
}

// because keeps why a node was chosen: "n1: most left of 2 that fit; n3 Insufficient cpu".
func because(best *node, fits, nodes int, refused map[string][]string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: ", best.object.Ref.Name)
	switch {
	case nodes == 1:
		b.WriteString("fits, the only node")
	case fits == 1:
		b.WriteString("the only one that fits")
	default:
		fmt.Fprintf(&b, "best of %d that fit", fits)
	}
	for _, reason := range slices.Sorted(maps.Keys(refused)) {
		names := refused[reason]
		slices.Sort(names)
		if len(names) > 3 {
			fmt.Fprintf(&b, "; %d nodes: %s", len(names), reason)
			continue
		}
		fmt.Fprintf(&b, "; %s: %s", strings.Join(names, ", "), reason)
	}
	return b.String()
}
