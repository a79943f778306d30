package message

import (
	"strings"
	"testing"

	"cairn/events"
	"cairn/projections/fit"
	"cairn/projections/fold"
)

func TestEveryReasonHasASentence(t *testing.T) {
	for r := fold.NoReason + 1; int(r) < fold.Reasons; r++ {
		args := []string{"2", "1", "1"}
		if f, ok := outcomes[r]; ok {
			args = args[:strings.Count(f, "%")]
		} else if r == fold.GateNotAbove {
			args = args[:2]
		}
		got := Outcome(fold.Outcome{Code: fold.Invalid, Reason: r, Args: args})
		if got == "" || strings.Contains(got, "%!") || strings.HasPrefix(got, r.String()+" ") || r.String() == "unknown" || r.String() == "" {
			t.Errorf("reason %d (%s): %q", r, r, got)
		}
	}
	for r := fit.OK + 1; r <= fit.AsksForAnother; r++ {
		if got := Refusal(fit.Refusal{Reason: r, Arg: "x"}); strings.Contains(got, "can't take it") {
			t.Errorf("fit reason %d: %q", r, got)
		}
	}
	for c := fold.Scheduled; c <= fold.DataplaneRebuilt; c++ {
		if reason, _ := Event(&fold.KubeEvent{Code: c}); reason == "" {
			t.Errorf("event code %d has no reason", c)
		}
	}
}

func TestSentences(t *testing.T) {
	pod := events.Ref{Kind: events.Pods, Namespace: "default", Name: "web"}
	none := &events.Decision{Nodes: 3, Filtered: []events.Filtered{
		{Reason: uint64(fit.Taint), Arg: "k=v:NoSchedule", Nodes: 2}, {Reason: uint64(fit.CPU), Nodes: 1, Names: []string{"n1"}}}}
	some := *none
	some.Feasible = 2
	event := func(k fold.KubeEvent) string {
		k.Regarding = pod
		reason, text := Event(&k)
		return reason + ": " + text
	}
	for _, x := range []struct{ got, want string }{
		{Decision(none), "0/3 nodes are available: 1 Insufficient cpu, 2 node(s) had untolerated taint {k: v}."},
		{Decision(&some), "best of 2 that fit; 2 nodes: node(s) had untolerated taint {k: v}; n1: Insufficient cpu"},
		{Decision(&events.Decision{}), "no nodes available to schedule pods"},
		{Outcome(fold.Outcome{Code: fold.Duplicate, DuplicateOf: 7}), "first delivered as record 7"},
		{Outcome(fold.Outcome{Code: fold.Fenced, Reason: fold.OtherEpoch, Args: []string{"web", "2", "1"}}), "speaks of placement 2 of pod web, which is at 1"},
		{Outcome(fold.Outcome{Code: fold.Unplaceable, Reason: fold.DoesNotFit, Args: []string{"n1", "5", ""}}), "node n1 is unschedulable"},
		{event(fold.KubeEvent{Code: fold.Scheduled, Args: []string{"n1"}}), "Scheduled: Successfully assigned default/web to n1"},
		{event(fold.KubeEvent{Code: fold.Killing, Args: []string{"user/alice"}, Note: "tidying"}), "Killing: Deletion asked for by alice: tidying"},
		{event(fold.KubeEvent{Reason: "Pulled", Note: "as the node said"}), "Pulled: as the node said"},
	} {
		if x.got != x.want {
			t.Errorf("got  %s\nwant %s", x.got, x.want)
		}
	}
}
