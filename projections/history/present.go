package history

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"cairn/events"
	"cairn/projections/fold"
	"cairn/projections/message"
	"cairn/projections/view"
)

// present says why the object is as it is at this moment.
func (s *Story) present(src Source, ref events.Ref) error {
	obj, err := src.Get(ref, 0)
	if errors.Is(err, view.ErrNotFound) {
		s.Now = append(s.Now, s.absent())
		return nil
	}
	if err != nil {
		return err
	}
	s.Exists = true
	if f := obj.Facts; f != nil && f.Deleting != 0 {
		said := "it is being deleted"
		if len(f.Finalizers) > 0 {
			said += fmt.Sprintf(", and waits for its finalizers %v", f.Finalizers)
		}
		s.Now = append(s.Now, said)
	}
	if p := obj.Projected; p != nil {
		switch {
		case p.Pod != nil:
			s.Now = append(s.Now, ofPod(p.Pod)...)
		case p.Workload != nil && obj.Facts != nil && obj.Facts.Workload != nil:
			s.Now = append(s.Now, fmt.Sprintf("it wants %d pods, has %d, of which %d are ready",
				obj.Facts.Workload.Replicas, p.Workload.Replicas, p.Workload.Ready))
		case p.Service != nil:
			s.Now = append(s.Now, ofService(src, ref, p.Service))
		case p.Node != nil:
			s.Now = append(s.Now, ofNode(p.Node))
		}
	}
	if len(s.Now) == 0 {
		s.Now = append(s.Now, fmt.Sprintf("it is there, at revision %d", obj.Revision))
	}
	return s.offspring(src, obj)
}

// absent tells why there is no such object: its end, or that it never was.
func (s *Story) absent() string {
	for i := len(s.Steps) - 1; i >= 0; i-- {
		e := s.Steps[i]
		if !e.Accepted {
			continue
		}
		switch e.Type {
		case events.ObjectDeleted, events.SandboxRemoved, events.DeletionRequested, events.ObjectUpdated, events.PodEvicted:
			return fmt.Sprintf("it is gone since record %d, %s", e.Offset, e.Time.Format("15:04:05"))
		}
		return "it is gone"
	}
	return "it never came to be: every attempt was refused"
}

func ofPod(p *fold.PodState) []string {
	if p.Node == "" {
		if p.Unplaceable > 0 {
			return []string{fmt.Sprintf("it is pending, no node fits (record %d): %s", p.Unplaceable, message.Decision(p.Decision))}
		}
		return []string{"it is pending: no scheduler has looked at it yet"}
	}
	said := fmt.Sprintf("it is %s on %s", p.Phase, p.Node)
	if p.Address != "" {
		said += " at " + p.Address
	}
	switch {
	case p.Stopped:
		said += ", and nothing of it runs any more"
	case p.Lost:
		said += ", which is lost: nothing is known of it"
	case p.Phase == events.Pending:
		said += fmt.Sprintf(": %s has not reported it running yet", p.Node)
	case p.Phase == events.Running && !p.Ready:
		said += ", not ready"
	case p.Ready:
		said += ", ready"
	}
	return []string{said}
}

func ofService(src view.Reads, ref events.Ref, p *fold.ServiceState) string {
	said := "it has no address of its own"
	if p.ClusterIP != "" && p.ClusterIP != "None" {
		said = "it answers at " + p.ClusterIP
	}
	ready, all := 0, 0
	prefix := fold.SlicePrefix(ref)
	list, _, err := src.List(events.EndpointSlices, view.Page{Namespace: ref.Namespace, After: events.Ref{Kind: events.EndpointSlices, Namespace: ref.Namespace, Name: prefix}})
	for _, o := range list {
		if !strings.HasPrefix(o.Ref.Name, prefix) || o.Projected == nil || o.Projected.Slice == nil {
			break
		}
		all += len(o.Projected.Slice.Backends)
		for _, b := range o.Projected.Slice.Backends {
			if b.Ready {
				ready++
			}
		}
	}
	if err != nil || len(list) == 0 {
		return said
	}
	return fmt.Sprintf("%s; %d of %d addresses behind it are in rotation", said, ready, all)
}

func ofNode(p *fold.NodeState) string {
	if p.Ready {
		return "it is ready; its pods' range is " + p.PodRange
	}
	return because("it is not ready", message.NodeHealth(p))
}

// offspring lists what the object owns.
func (s *Story) offspring(src view.Reads, obj *view.Object) error {
	if obj.UID == "" || obj.Ref.Namespace == "" {
		return nil
	}
	uids := []string{obj.UID} // a deployment's pods are its replica sets'
	for _, k := range []string{events.ReplicaSets, events.Pods} {
		list, _, err := src.List(k, view.Page{Namespace: obj.Ref.Namespace})
		if err != nil {
			return err
		}
		for _, o := range list {
			if o.Facts == nil || !owned(o.Facts, uids) {
				continue
			}
			uids = append(uids, o.UID)
			said := Say(o.Ref)
			if o.Projected != nil && o.Projected.Pod != nil {
				said += ": " + ofPod(o.Projected.Pod)[0]
			} else if o.Projected != nil && o.Projected.Workload != nil && o.Facts.Workload != nil {
				said += fmt.Sprintf(": wants %d pods, has %d", o.Facts.Workload.Replicas, o.Projected.Workload.Replicas)
			}
			s.Children = append(s.Children, said)
		}
	}
	return nil
}

func owned(f *events.Facts, uids []string) bool {
	for _, o := range f.Owners {
		if slices.Contains(uids, o.UID) {
			return true
		}
	}
	return false
}
