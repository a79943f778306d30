package message

import (
	"fmt"
	"strconv"
	"strings"

	"cairn/events"
	"cairn/projections/fit"
	"cairn/projections/fold"
)

// outcomes has a sentence for each reason; %s stand for its arguments in order.
var outcomes = map[fold.Reason]string{
	fold.Unreadable:        "the record can't be read, or says what this cell's active gate does not define",
	fold.BaseAhead:         "its base lies ahead of the record",
	fold.NoCell:            "a ledger starts with cell.created",
	fold.BadCell:           "record 0 does not describe a cell",
	fold.Incomplete:        "%s lacks what a record of this type must say",
	fold.OnceFaulted:       "this record once stopped the fold",
	fold.TooLate:           "it arrived more than %s records after what its writer had seen; write it anew",
	fold.CellExists:        "the cell %s exists",
	fold.ObjectExists:      "%s exists",
	fold.OwnEndpoints:      "%s exists and is not this service's",
	fold.NoObject:          "%s does not exist",
	fold.NoNamespace:       "namespace %s does not exist",
	fold.PodGone:           "pod %s/%s with that uid is gone",
	fold.OtherUID:          "%s is another object of that name now",
	fold.OtherRevision:     "%s was written at revision %s, not at %s",
	fold.AlreadyLost:       "node %s is not ready already",
	fold.AlreadyReady:      "node %s is ready already",
	fold.NotRegistered:     "%s is not registered",
	fold.Rendered:          "%s is rendered from its service; change the service",
	fold.NoReturn:          "can't be taken back",
	fold.NotInRange:        "%s is not in the service range %s",
	fold.AddressTaken:      "%s is taken by %s",
	fold.NoAddress:         "no address is free in the service range %s",
	fold.PortNotInRange:    "provided port is not in the valid range %s-%s",
	fold.PortTaken:         "provided port %s is already allocated",
	fold.NoPort:            "no node port is free",
	fold.HasFinalizers:     "%s still has the finalizer %s; ask for its deletion first",
	fold.NamespaceEnding:   "namespace %s is being terminated",
	fold.NoPodRange:        "no share of the pod range %s is left for node %s",
	fold.NamespaceHolds:    "namespace %s still holds %s objects",
	fold.AlreadyPlaced:     "pod %s is already assigned to node %s",
	fold.PodDeleting:       "pod %s is being deleted",
	fold.NodeGone:          "node %s does not exist",
	fold.Reregistered:      "node %s has registered anew since",
	fold.NoPodAddress:      "no pod address is free on node %s",
	fold.OtherEpoch:        "speaks of placement %[2]s of pod %[1]s, which is at %[3]s",
	fold.OtherNode:         "pod %s is placed on %s",
	fold.OtherRegistration: "node %s has registered anew since",
	fold.SandboxGone:       "the sandbox of pod %s is gone",
	fold.NoServer:          "gate %s: no server is registered",
}

// Outcome says why a record was refused; empty where it was accepted.
func Outcome(o fold.Outcome) string {
	switch o.Reason {
	case fold.NoReason:
		if o.Code == fold.Duplicate {
			return fmt.Sprintf("first delivered as record %d", o.DuplicateOf)
		}
		return ""
	case fold.DoesNotFit:
		if len(o.Args) == 3 {
			n, _ := strconv.ParseUint(o.Args[1], 10, 64)
			return "node " + o.Args[0] + " " + Refusal(fit.Refusal{Reason: fit.Reason(n), Arg: o.Args[2]})
		}
	case fold.GateNotAbove:
		if len(o.Args) == 2 {
			return fmt.Sprintf("gate %s is not above the active one, %s", gate(o.Args[0]), gate(o.Args[1]))
		}
	case fold.GateUnknownTo:
		if len(o.Args) == 3 {
			return fmt.Sprintf("server %s knows only up to gate %s, not %s: upgrade it, or end it and say so (cairn cell activate --dry-run names all)", o.Args[1], gate(o.Args[2]), gate(o.Args[0]))
		}
	}
	format, ok := outcomes[o.Reason]
	if !ok {
		return fmt.Sprintf("%s %v", o.Reason, o.Args)
	}
	args := make([]any, len(o.Args))
	for i, a := range o.Args {
		args[i] = a
	}
	return fmt.Sprintf(format, args...)
}

func gate(number string) string {
	n, err := strconv.ParseUint(number, 10, 64)
	if err != nil {
		return number
	}
	return events.Gate(n).String()
}

// refusals speak of one node, after its name.
var refusals = map[fit.Reason]string{
	fit.NoNode:         "does not exist",
	fit.NotRegistered:  "has not registered",
	fit.NotReady:       "is not ready",
	fit.Deleting:       "is being deleted",
	fit.Unschedulable:  "is unschedulable",
	fit.Taint:          "has the untolerated taint %s",
	fit.Selector:       "does not match the pod's node selector",
	fit.HostPort:       "has host port %s taken",
	fit.TooManyPods:    "runs as many pods as it takes",
	fit.CPU:            "has too little CPU left",
	fit.Memory:         "has too little memory left",
	fit.Storage:        "has too little ephemeral storage left",
	fit.AsksForAnother: "is not %s, which the pod asks for",
	fit.Refused:        "was refused by the cell: %s",
}

// Refusal says why one node can't take a pod, after its name: "is not ready".
func Refusal(r fit.Refusal) string {
	format, ok := refusals[r.Reason]
	if !ok {
		return fmt.Sprintf("can't take it (%d %s)", r.Reason, r.Arg)
	}
	if !strings.Contains(format, "%s") {
		return format
	}
	return fmt.Sprintf(format, r.Arg)
}
