package fold

import (
	"strconv"

	"cairn/events"
)

// KubeEvent is one occurrence of what `kubectl get events` lists. It says what
// happened in codes; projections/message makes reason and sentence, and the
// view counts those that are alike into one series.
type KubeEvent struct {
	Regarding    events.Ref
	RegardingUID string
	Code         EventCode
	Args         []string         // Code's, in the order that its comment gives
	Decision     *events.Decision // with FailedScheduling
	Reason       string           // with FromNode: the incident's own
	Note         string           // what a writer said: with FromNode the incident's message, else the record's reason
	Warning      bool
	Source       string // who tells: reconciler/NAME, node/NAME, serviceaccount/NS/NAME, user/NAME; empty: the cell itself
	Container    string
}

// EventCode says which sentence an event is. Codes are hashed: append only.
type EventCode uint8

const (
	FromNode         EventCode = iota // a node's incident, in its own words
	Scheduled                         // Args: the node
	FailedScheduling                  // Decision
	SuccessfulCreate                  // Args: the pod
	SuccessfulDelete                  // Args: the pod
	ScaledUp                          // Args: the replica set, from, to
	ScaledDown                        // Args: the replica set, from, to
	Killing                           // Args: Source of who asked
	Evicted                           // Args: Source of who asked
	NodeRegistered
	NodeLost
	NodeReturned
	DataplaneRebuilt
)

// Source names an actor in a form that never changes; people are shown
// events.Actor.Who.
func Source(a *events.Actor) string {
	switch {
	case a.Reconciler != "":
		return "reconciler/" + a.Reconciler
	case a.Node != "":
		return "node/" + a.Node
	case a.ServiceAccount != "":
		return "serviceaccount/" + a.ServiceAccount
	case a.User != "":
		return "user/" + a.User
	}
	return ""
}

// emit adds an event about o that this record gives reason to.
func (s *State) emit(o *object, k KubeEvent) {
	k.Regarding, k.RegardingUID, k.Source = o.ref, o.uid, Source(&s.step.event.Actor)
	if k.Code != FromNode {
		k.Note = s.step.event.Reason
	}
	s.step.kube = append(s.step.kube, k)
}

func (s *State) emitIncidents(o *object, list []events.Incident) {
	for _, i := range list {
		s.emit(o, KubeEvent{Reason: i.Reason, Note: i.Message, Warning: i.Warning, Container: i.Container})
	}
}

// owner finds the live object that controls f's object.
func (s *State) owner(namespace string, f *events.Facts) *object {
	c := controller(f)
	if c == nil {
		return nil
	}
	o := s.at(events.Ref{Kind: c.Kind, Namespace: namespace, Name: c.Name})
	if o == nil || o.uid != c.UID {
		return nil
	}
	return o
}

func (s *State) emitCreated(e *events.Event) {
	owner := s.owner(e.Subject.Namespace, &e.Facts)
	if owner == nil || e.Actor.Reconciler == "" {
		return
	}
	switch {
	case e.Facts.Pod != nil:
		s.emit(owner, KubeEvent{Code: SuccessfulCreate, Args: []string{e.Subject.Name}})
	case e.Facts.Workload != nil:
		s.emit(owner, KubeEvent{Code: ScaledUp, Args: []string{e.Subject.Name, "0", strconv.FormatUint(e.Facts.Workload.Replicas, 10)}})
	}
}

func (s *State) emitUpdated(e *events.Event, old, now *object) {
	owner := s.owner(e.Subject.Namespace, now.facts)
	if e.Type == events.DeletionRequested || e.Type == events.PodEvicted {
		if old.facts.Deleting == 0 && now.facts.Pod != nil {
			s.emitEnding(e, now, owner)
		}
		return
	}
	a, b := old.facts.Workload, now.facts.Workload
	if owner == nil || a == nil || b == nil || a.Replicas == b.Replicas || e.Actor.Reconciler == "" {
		return
	}
	k := KubeEvent{Code: ScaledUp, Args: []string{e.Subject.Name, strconv.FormatUint(a.Replicas, 10), strconv.FormatUint(b.Replicas, 10)}}
	if b.Replicas < a.Replicas {
		k.Code = ScaledDown
	}
	s.emit(owner, k)
}

// emitEnding says who asked for a pod's end, on the pod and on its owner.
func (s *State) emitEnding(e *events.Event, pod, owner *object) {
	k := KubeEvent{Code: Killing, Args: []string{Source(&e.Actor)}}
	if e.Type == events.PodEvicted {
		k.Code = Evicted
	}
	s.emit(pod, k)
	if owner != nil && e.Actor.Reconciler != "" {
		s.emit(owner, KubeEvent{Code: SuccessfulDelete, Args: []string{e.Subject.Name}})
	}
}

func (s *State) emitDeleted(e *events.Event, o *object) {
	if o.facts.Pod == nil || o.facts.Deleting != 0 {
		return
	}
	s.emitEnding(e, o, s.owner(e.Subject.Namespace, o.facts))
}
