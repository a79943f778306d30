package history

import (
	"fmt"
	"strings"
	"time"

	"cairn/events"
	"cairn/projections/fold"
	"cairn/projections/message"
)

// sentence tells what a record says, as its writer meant it; before holds the
// subject's facts ahead of an update, nil where they are not known. What was
// refused was only tried.
func sentence(e *events.Event, before *events.Facts, accepted bool) string {
	who, what := e.Actor.Who(), Say(e.Subject)
	did := func(past, infinitive string) string {
		if !accepted {
			past = "tried to " + infinitive
		}
		return who + " " + past + " "
	}
	switch e.Type {
	case events.CellCreated:
		if c := e.Facts.Cell; c != nil {
			return fmt.Sprintf("the cell %s was created: pods in %s, services in %s", c.Name, c.PodRange, c.ServiceRange)
		}
	case events.ObjectCreated:
		return because(did("created", "create")+what, e.Reason)
	case events.ObjectUpdated:
		return because(did("changed", "change")+what+difference(before, &e.Facts), e.Reason)
	case events.StatusUpdated:
		return because(did("updated", "update")+"the status of "+what, e.Reason)
	case events.DeletionRequested:
		return because(fmt.Sprintf("%s%s to be deleted, with %d s to end", did("asked for", "ask for"), what, e.Facts.Grace), e.Reason)
	case events.PodEvicted:
		return because(did("evicted", "evict")+what, e.Reason)
	case events.ObjectDeleted:
		return because(did("deleted", "delete")+what, e.Reason)
	case events.RequestRefused:
		return denied(e, who, what)
	case events.SessionOpened:
		return session(e, who, what)
	case events.SessionClosed:
		return because("the session of "+who+" in "+what+" ended", e.Reason)
	case events.ServerRegistered:
		if s := e.Facts.Server; s != nil {
			return fmt.Sprintf("%s registered: cairn %s, which knows up to gate %s", what, s.Version, s.Supports)
		}
	case events.ServerLeft:
		return because(what+" left", e.Reason)
	case events.PastRead:
		return because(who+" read the past", e.Reason)
	case events.FoldActivated:
		if a := e.Facts.Activation; a != nil {
			return fmt.Sprintf("%s %sthe gate %s the active one", who, map[bool]string{true: "made ", false: "tried to make "}[accepted], a.Gate)
		}
	}
	return sentenceOfNode(e, did, what)
}

// sentenceOfNode tells of placements, nodes and their reports.
func sentenceOfNode(e *events.Event, did func(past, infinitive string) string, what string) string {
	who := e.Actor.Who()
	switch e.Type {
	case events.PodPlaced:
		if p := e.Facts.Placement; p != nil {
			return because(did("placed", "place")+what+" on "+p.Node, first(message.Decision(p.Decision), e.Reason))
		}
	case events.PodUnschedulable:
		return because(who+" found no node for "+what, first(message.Decision(e.Facts.Decision), e.Reason))
	case events.NodeRegistered:
		return because(what+" registered", e.Reason)
	case events.NodeLost:
		return because(who+" declared "+what+" lost", e.Reason)
	case events.NodeReady:
		return because(who+" found "+what+" ready", e.Reason)
	case events.DataplaneRebuilt:
		return because(who+" put back what was missing of its rules and routes", e.Reason)
	}
	return because(who+" reported of "+what+": "+reported(e), reasonUnless(e))
}

// reported is the gist of a node's report: its incidents, or its type in words.
func reported(e *events.Event) string {
	gist := strings.NewReplacer(".", " ", "backoff", "waits before it is started again").Replace(string(e.Type))
	if e.Type == events.PodReported {
		gist = "status"
	}
	r := e.Facts.Report
	if r == nil {
		return gist
	}
	var said []string
	for _, i := range r.Incidents {
		said = append(said, i.Reason+" ("+i.Message+")")
	}
	if len(said) > 0 {
		return strings.Join(said, "; ")
	}
	if e.Type == events.PodReported {
		ready := "not ready"
		if r.Ready {
			ready = "ready"
		}
		return fmt.Sprintf("%s, %s", r.Phase, ready)
	}
	return gist
}

// reasonUnless keeps a report's reason from being said twice.
func reasonUnless(e *events.Event) string {
	if e.Facts.Report == nil {
		return e.Reason
	}
	for _, i := range e.Facts.Report.Incidents {
		if strings.Contains(i.Message, e.Reason) {
			return ""
		}
	}
	return e.Reason
}

// session tells who entered a pod; reads of its log are counted.
func session(e *events.Event, who, what string) string {
	d := e.Facts.Denial
	if d == nil {
		return because(who+" opened a session into "+what, e.Reason)
	}
	return because(fmt.Sprintf("%s %s %s%s", who, d.Verb, what, times(e)), e.Reason)
}

// times says how often, and of what was counted after the first since when.
func times(e *events.Event) string {
	d := e.Facts.Denial
	if counted := d.Since != 0 && e.Claimed/1e9 > d.Since+1; counted {
		more := "once more"
		if d.Count > 1 {
			more = fmt.Sprintf("%d more times", d.Count)
		}
		return fmt.Sprintf(" %s in the minute from %s on", more, time.Unix(d.Since, 0).UTC().Format("15:04:05Z"))
	}
	if d.Count > 1 {
		return fmt.Sprintf(" %d times", d.Count)
	}
	return ""
}

func denied(e *events.Event, who, what string) string {
	d := e.Facts.Denial
	if d == nil {
		return because(who+" was refused something about "+what, e.Reason)
	}
	if e.Subject.Kind == "" {
		what = d.Resource
	}
	return because(fmt.Sprintf("%s was refused%s (HTTP %d) when asking to %s %s", who, times(e), d.Status, d.Verb, what), e.Reason)
}

// refusal explains why the fold refused a record.
func refusal(o fold.Outcome) string {
	said := map[fold.Code]string{
		fold.Malformed:   "it could not be read",
		fold.Fault:       "the fold failed on it",
		fold.Expired:     "it came too late",
		fold.Exists:      "there was one of that name already",
		fold.Moved:       "someone else had changed it first",
		fold.NotFound:    "there was none",
		fold.Invalid:     "a field was wrong",
		fold.Terminating: "its namespace was ending",
		fold.Quota:       "a quota would have been exceeded",
		fold.NotEmpty:    "the namespace still held objects",
		fold.Unplaceable: "the pod could not be placed there any more",
		fold.Fenced:      "it spoke of a placement that had ended",
		fold.Budget:      "a disruption budget forbade it",
		fold.Unsupported: "that gate can't be made the active one",
	}[o.Code]
	if o.Code == fold.Duplicate {
		return fmt.Sprintf(" - the same record as %d, delivered again: nothing changed", o.DuplicateOf)
	}
	if said == "" {
		said = o.Code.String()
	}
	if o.Field != "" {
		said += ": " + o.Field
	}
	return because(" - refused, nothing changed: "+said, message.Outcome(o))
}

// because appends a reason where there is one.
func because(said, reason string) string {
	if reason == "" {
		return said
	}
	return said + ": " + reason
}

func first(a, b string) string {
	if a != "" {
		return a
	}
	return b
}
