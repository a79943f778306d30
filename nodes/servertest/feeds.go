package servertest

import (
	"context"
	"encoding/json"
	"iter"

	corev1 "k8s.io/api/core/v1"

	"cairn/events"
	"cairn/events/feed"
)

// Key is the pod's key in the feed.
func Key(pod *corev1.Pod) string { return pod.Namespace + "/" + pod.Name + "/" + string(pod.UID) }

// Emit gives an entry to the feed; an offset of 0 is replaced by the next one.
func (s *Server) Emit(e feed.AssignmentEntry) { s.change(func() { s.emit(e) }) }

func (s *Server) emit(e feed.AssignmentEntry) {
	s.offset++
	if e.Offset == 0 {
		e.Offset = s.offset
	}
	switch {
	case e.Key == "":
	case e.Pod == nil:
		delete(s.entries, e.Key)
	default:
		s.entries[e.Key] = e
	}
	s.emitted = append(s.emitted, e)
}

// Repeat gives an old entry to the feed, as a late emitter does: to those who
// read on, not to those who begin.
func (s *Server) Repeat(e feed.AssignmentEntry) {
	s.change(func() { s.emitted = append(s.emitted, e) })
}

// Drop takes a pod out of the feed without telling anybody.
func (s *Server) Drop(pod *corev1.Pod) { s.change(func() { delete(s.entries, Key(pod)) }) }

// Assign places a pod on the node with what it names: config maps and secrets.
func (s *Server) Assign(pod *corev1.Pod, addr string, others ...any) {
	s.Bundle(pod, others...)
	s.Emit(feed.AssignmentEntry{Key: Key(pod), Pod: &feed.Assignment{
		Namespace: pod.Namespace, Name: pod.Name, UID: string(pod.UID), Epoch: 1, Revision: 1, Digest: "d1", Address: addr,
	}})
}

// Bundle sets what a node gets that asks for the pod.
func (s *Server) Bundle(pod *corev1.Pod, others ...any) {
	b := feed.Bundle{Pod: encode(pod), ConfigMaps: map[string]json.RawMessage{}, Secrets: map[string]json.RawMessage{}, Token: "a-token", CA: "a-ca"}
	for _, o := range others {
		switch o := o.(type) {
		case *corev1.ConfigMap:
			b.ConfigMaps[o.Name] = encode(o)
		case *corev1.Secret:
			b.Secrets[o.Name] = encode(o)
		}
	}
	s.change(func() { s.bundles[string(pod.UID)] = b })
}

// SetToken changes the pod's token.
func (s *Server) SetToken(pod *corev1.Pod, token string) {
	s.change(func() {
		b := s.bundles[string(pod.UID)]
		b.Token = token
		s.bundles[string(pod.UID)] = b
	})
}

func encode(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // Kubernetes' own types always encode
	}
	return b
}

// Update changes a pod that is placed.
func (s *Server) Update(pod *corev1.Pod, digest string) {
	s.Bundle(pod)
	s.edit(pod, func(a *feed.Assignment) { a.Digest, a.Revision = digest, a.Revision+1 })
}

// Delete asks for the pod's end. One that is finished goes at once.
func (s *Server) Delete(pod *corev1.Pod, grace int64) {
	finished := false
	s.locked(func() { finished = s.entries[Key(pod)].Pod.Finished })
	if finished {
		s.Emit(feed.AssignmentEntry{Key: Key(pod)})
		return
	}
	s.edit(pod, func(a *feed.Assignment) { a.Deleting, a.Grace, a.Why = 1, grace, "asked for by alice" })
}

func (s *Server) edit(pod *corev1.Pod, f func(*feed.Assignment)) {
	s.change(func() {
		a := *s.entries[Key(pod)].Pod
		f(&a)
		s.emit(feed.AssignmentEntry{Key: Key(pod), Pod: &a})
	})
}

// Assignments implements daemon.Server.
func (s *Server) Assignments(ctx context.Context, _ events.Offset) iter.Seq2[feed.AssignmentEntry, error] {
	return func(yield func(feed.AssignmentEntry, error) bool) {
		var batch []feed.AssignmentEntry
		var at int
		var away bool
		s.locked(func() {
			for _, e := range s.entries {
				batch = append(batch, e)
			}
			if at, away = len(s.emitted), s.away; !s.silent {
				batch = append(batch, feed.AssignmentEntry{Offset: s.offset, Mark: true})
			}
		})
		if away {
			yield(feed.AssignmentEntry{}, errAway)
			return
		}
		for {
			for _, e := range batch {
				if !yield(e, nil) {
					return
				}
			}
			var news chan struct{}
			s.locked(func() {
				batch, at, news = s.emitted[at:], len(s.emitted), s.news
				away = s.away
			})
			if away {
				yield(feed.AssignmentEntry{}, errAway)
				return
			}
			if len(batch) > 0 {
				continue
			}
			select {
			case <-ctx.Done():
				yield(feed.AssignmentEntry{}, ctx.Err())
				return
			case <-news:
			}
		}
	}
}

// VIPs implements daemon.Server: there are none.
func (s *Server) VIPs(ctx context.Context, _ events.Offset) iter.Seq2[feed.VIPEntry, error] {
	return func(yield func(feed.VIPEntry, error) bool) {
		if yield(feed.VIPEntry{Offset: 1, Mark: true}, nil) {
			<-ctx.Done()
			yield(feed.VIPEntry{}, ctx.Err())
		}
	}
}
