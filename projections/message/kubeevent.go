package message

import (
	"strings"

	"cairn/projections/fold"
)

// reasons are Kubernetes' own where it has one: tools select by them.
var reasons = map[fold.EventCode]string{
	fold.Scheduled:        "Scheduled",
	fold.FailedScheduling: "FailedScheduling",
	fold.SuccessfulCreate: "SuccessfulCreate",
	fold.SuccessfulDelete: "SuccessfulDelete",
	fold.ScaledUp:         "ScalingReplicaSet",
	fold.ScaledDown:       "ScalingReplicaSet",
	fold.Killing:          "Killing",
	fold.Evicted:          "Evicted",
	fold.NodeRegistered:   "Registered",
	fold.NodeLost:         "NodeNotReady",
	fold.NodeReturned:     "NodeReady",
	fold.DataplaneRebuilt: "DataplaneRebuilt",
}

// Event gives an event's reason, one word for machines, and its sentence.
func Event(k *fold.KubeEvent) (reason, text string) {
	if k.Code == fold.FromNode {
		return k.Reason, k.Note
	}
	reason = reasons[k.Code]
	text = sentence(k)
	if k.Note == "" || k.Code == fold.DataplaneRebuilt {
		return reason, text
	}
	return reason, text + ": " + k.Note
}

func sentence(k *fold.KubeEvent) string {
	arg := func(i int) string {
		if i < len(k.Args) {
			return k.Args[i]
		}
		return "?"
	}
	switch k.Code {
	case fold.Scheduled:
		return "Successfully assigned " + k.Regarding.Namespace + "/" + k.Regarding.Name + " to " + arg(0)
	case fold.FailedScheduling:
		return Decision(k.Decision)
	case fold.SuccessfulCreate:
		return "Created pod: " + arg(0)
	case fold.SuccessfulDelete:
		return "Deleted pod: " + arg(0)
	case fold.ScaledUp:
		return "Scaled up replica set " + arg(0) + " from " + arg(1) + " to " + arg(2)
	case fold.ScaledDown:
		return "Scaled down replica set " + arg(0) + " from " + arg(1) + " to " + arg(2)
	case fold.Killing:
		return "Deletion asked for by " + Source(arg(0))
	case fold.Evicted:
		return "Eviction asked for by " + Source(arg(0))
	case fold.NodeRegistered:
		return "Node " + k.Regarding.Name + " registered"
	case fold.NodeLost:
		return "Node " + k.Regarding.Name + " is lost"
	case fold.NodeReturned:
		return "Node " + k.Regarding.Name + " is ready"
	case fold.DataplaneRebuilt:
		return k.Note
	}
	return ""
}

// Source names who an event comes from as people know it: "reconciler
// replicas", "node n1", alice.
func Source(source string) string {
	kind, name, _ := strings.Cut(source, "/")
	switch kind {
	case "":
		return "cairn"
	case "user":
		return name
	case "serviceaccount":
		return "service account " + name
	}
	return kind + " " + name
}

// NodeHealth says what decided a node's health; note is what the writer said.
func NodeHealth(s *fold.NodeState) string {
	text := map[fold.NodeCode]string{
		fold.NodeHasJoined:   "the node's daemon has registered",
		fold.NodeIsLost:      "the node's daemon is not heard from",
		fold.NodeHasReturned: "the node's daemon is heard from again",
	}[s.Code]
	if s.Note == "" {
		return text
	}
	if text == "" {
		return s.Note
	}
	return text + ": " + s.Note
}
