package servertest

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/clock"

	"cairn/events"
	"cairn/events/feed"
)

// Server is the daemon.Server of one node.
//
// Invariant: offset is that of the newest entry, registration or mark.
type Server struct {
	Clock clock.PassiveClock // of tokens; default the machine's

	mu      sync.Mutex
	news    chan struct{} // closed and replaced at each change
	offset  events.Offset
	reg     events.Offset
	entries map[string]feed.AssignmentEntry
	emitted []feed.AssignmentEntry
	bundles map[string]feed.Bundle
	asked   []events.Revision // of pods, in order
	reports []feed.Report
	stopped map[string]uint64 // by uid: the epoch whose sandbox is gone
	beats   int
	silent  bool
	away    bool
	life    time.Duration
}

// New returns a server that knows no node and no pod.
func New() *Server {
	return &Server{
		Clock: clock.RealClock{}, news: make(chan struct{}), offset: 10, reg: events.NoOffset,
		entries: map[string]feed.AssignmentEntry{}, bundles: map[string]feed.Bundle{}, stopped: map[string]uint64{},
	}
}

var errAway = errors.New("the server is away")

// change runs f under the lock and wakes whoever waits.
func (s *Server) change(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
	close(s.news)
	s.news = make(chan struct{})
}

func (s *Server) locked(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}

// SetAway has the server answer nobody, or answer again.
func (s *Server) SetAway(away bool) { s.change(func() { s.away = away }) }

// SetSilent has streams begin without a mark, or with one again.
func (s *Server) SetSilent(silent bool) { s.change(func() { s.silent = silent }) }

// SetTokenLife has tokens end after d; 0: they do not.
func (s *Server) SetTokenLife(d time.Duration) { s.change(func() { s.life = d }) }

// Registration is the offset of the node's last one.
func (s *Server) Registration() (reg events.Offset) {
	s.locked(func() { reg = s.reg })
	return reg
}

// Beats is how many heartbeats were heard.
func (s *Server) Beats() (n int) {
	s.locked(func() { n = s.beats })
	return n
}

// Asked lists the revisions at which pods were fetched, in order.
func (s *Server) Asked() (revs []events.Revision) {
	s.locked(func() { revs = slices.Clone(s.asked) })
	return revs
}

// Reports lists what was reported of a pod: reports of that type, or all for
// the empty one; of all pods for the empty uid.
func (s *Server) Reports(uid string, t events.Type) (out []feed.Report) {
	s.locked(func() {
		for _, r := range s.reports {
			if (uid == "" || r.UID == uid) && (t == "" || r.Type == t) {
				out = append(out, r)
			}
		}
	})
	return out
}

// Register implements daemon.Server.
func (s *Server) Register(context.Context, feed.NodeInfo) (r feed.Registration, err error) {
	s.locked(func() {
		if s.away {
			err = errAway
			return
		}
		s.offset++
		s.reg = s.offset
		r = feed.Registration{Offset: s.reg, Cell: "test", DNSAddress: "10.96.0.10"}
	})
	return r, err
}

// ForgetNode has the next heartbeat answered as by a cell that knows no such
// registration.
func (s *Server) ForgetNode() { s.locked(func() { s.reg = events.NoOffset }) }

// Heartbeat implements daemon.Server.
func (s *Server) Heartbeat(_ context.Context, h feed.Heartbeat) (a feed.HeartbeatAnswer, err error) {
	s.locked(func() {
		s.beats++
		if a.Current = h.Registration == s.reg; s.away {
			err = errAway
		}
	})
	return a, err
}

// Pod implements daemon.Server.
func (s *Server) Pod(_ context.Context, ns, name, uid string, rev events.Revision) (b *feed.Bundle, err error) {
	s.locked(func() {
		s.asked = append(s.asked, rev)
		found, ok := s.bundles[uid]
		if !ok {
			err = errors.New("pod " + ns + "/" + name + " is not placed here")
			return
		}
		if s.life > 0 {
			found.TokenExpires = s.Clock.Now().Add(s.life).Unix()
		}
		b = &found
	})
	return b, err
}

// Report implements daemon.Server.
func (s *Server) Report(_ context.Context, r feed.Report) (a feed.ReportAnswer, err error) {
	s.change(func() {
		if s.away {
			err = errAway
			return
		}
		s.reports = append(s.reports, r)
		if a = s.judge(r); !a.Accepted {
			return
		}
		s.setStatus(r)
		if r.Type == events.SandboxRemoved {
			s.removed(r)
		}
	})
	return a, err
}

// judge answers as the fold's fence does.
func (s *Server) judge(r feed.Report) feed.ReportAnswer {
	switch {
	case r.Facts.Registration != s.reg:
		return feed.ReportAnswer{Code: "fenced", Reason: "the node has registered anew since"}
	case s.stopped[r.UID] >= r.Facts.Epoch:
		return feed.ReportAnswer{Code: "fenced", Reason: "the sandbox is gone"}
	}
	return feed.ReportAnswer{Accepted: true, Offset: 1}
}

// removed takes in the end of a sandbox: the pod goes where it is deleted, and
// keeps its place, finished, where not.
func (s *Server) removed(r feed.Report) {
	s.stopped[r.UID] = r.Facts.Epoch
	key := r.Namespace + "/" + r.Name + "/" + r.UID
	e, ok := s.entries[key]
	switch {
	case !ok:
	case e.Pod.Deleting != 0:
		s.emit(feed.AssignmentEntry{Key: key})
	default:
		a := *e.Pod
		a.Finished = true
		s.emit(feed.AssignmentEntry{Key: key, Pod: &a})
	}
}

// setStatus has the pod say how it ended to whoever fetches it.
func (s *Server) setStatus(r feed.Report) {
	b, ok := s.bundles[r.UID]
	if !ok || r.Facts.Phase != events.Succeeded && r.Facts.Phase != events.Failed {
		return
	}
	var pod corev1.Pod
	if err := json.Unmarshal(b.Pod, &pod); err != nil {
		panic(err) // what Bundle encoded
	}
	if err := json.Unmarshal(r.Status, &pod.Status); err != nil {
		panic(err) // a daemon that sends no status is a bug worth a stack
	}
	b.Pod = encode(pod)
	s.bundles[r.UID] = b
}
