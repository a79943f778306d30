package runtimetest

import (
	"context"
	"fmt"
	"hash/fnv"
	"slices"
	"sync"
	"syscall"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/clock"

	"cairn/nodes/lifecycle"
	"cairn/nodes/runtime"
)

// Behaviour is how one run of a container goes.
type Behaviour struct {
	Starts time.Duration // how long its start takes
	Fails  error         // it does not start, for this reason
	Lasts  time.Duration // then its process ends by itself; 0: it runs until it is asked to end
	Code   int           // with which its process ends by itself
	Deaf   bool          // only SIGKILL ends it
	Answer int           // the code of every command that is run in it, a probe's too
}

// Machine is a machine in memory.
//
// Invariant: each run has at most one process, and only while its pod has a
// sandbox.
type Machine struct {
	clock  clock.WithDelayedExecution
	behave func(runtime.ID, runtime.Run, *corev1.Container) Behaviour

	mu   sync.Mutex
	pods map[string]*pod // by uid
	pids int
}

var _ runtime.Runtime = (*Machine)(nil)

// New returns a machine. behave says how runs go; nil: they start at once, run
// until they are asked to end, and are healthy.
func New(c clock.WithDelayedExecution, behave func(runtime.ID, runtime.Run, *corev1.Container) Behaviour) *Machine {
	if behave == nil {
		behave = func(runtime.ID, runtime.Run, *corev1.Container) Behaviour { return Behaviour{} }
	}
	return &Machine{clock: c, behave: behave, pods: map[string]*pod{}}
}

// Version implements runtime.Runtime.
func (m *Machine) Version(context.Context) (string, error) { return "memory://1", nil }

// Pods implements runtime.Runtime.
func (m *Machine) Pods() ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var uids []string
	for uid, p := range m.pods {
		if p.notes != nil {
			uids = append(uids, uid)
		}
	}
	slices.Sort(uids)
	return uids, nil
}

// Pod implements runtime.Runtime.
func (m *Machine) Pod(id runtime.ID) runtime.Pod { return &handle{m: m, id: id} }

// Clear implements runtime.Runtime.
func (m *Machine) Clear() error { return nil }

// Running lists the runs of a pod that have a process, in order.
func (m *Machine) Running(uid string) []runtime.Run {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []runtime.Run
	if p := m.pods[uid]; p != nil {
		for r, x := range p.runs {
			if x.exit == nil {
				out = append(out, r)
			}
		}
	}
	slices.SortFunc(out, func(a, b runtime.Run) int { return slices.Compare([]byte(a.String()), []byte(b.String())) })
	return out
}

// Has says what there is of a pod: its sandbox, its logs, a daemon's notes.
func (m *Machine) Has(uid string) (sandbox, logs, notes bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	p := m.pods[uid]
	if p == nil {
		return false, false, false
	}
	return p.sandbox != nil, p.logs, p.notes != nil
}

// Exit ends the process that a container of the pod has.
func (m *Machine) Exit(uid, container string, code int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for r, x := range m.pods[uid].runs {
		if r.Container == container && x.exit == nil {
			m.end(x, code, 0)
		}
	}
}

// LoseShim leaves the pod's processes without anybody who looks after them.
func (m *Machine) LoseShim(uid string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.pods[uid].lose()
}

// Reboot switches the machine off and on: no process is left, and nobody saw
// how any of them ended. A daemon must have ended before.
func (m *Machine) Reboot() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, p := range m.pods {
		p.lose()
		p.sandbox, p.runs = nil, map[runtime.Run]*process{}
	}
}

// ForgetAll loses every daemon's notes, as a new disk does.
func (m *Machine) ForgetAll() {
	m.Reboot()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.pods = map[string]*pod{}
}

// pod is what there is of one. The machine's lock guards it.
type pod struct {
	notes   []byte
	logs    bool
	sandbox *process
	runs    map[runtime.Run]*process
	lost    chan struct{} // closed where nobody looks after the processes
}

func (p *pod) lose() {
	if p.lost != nil {
		close(p.lost)
		p.lost = nil
	}
}

// process is one that runs, or ran.
type process struct {
	sandbox   runtime.Sandbox // of the pod's first process
	behaviour Behaviour
	image     string
	exit      *lifecycle.Exit
	done      chan struct{} // closed with exit set
}

// end ends a process; m.mu is held.
func (m *Machine) end(x *process, code int, sig syscall.Signal) {
	if x.exit != nil {
		return
	}
	if sig != 0 {
		code = 128 + int(sig)
	}
	x.exit = &lifecycle.Exit{Known: true, Code: code, Signal: int(sig), Finished: m.clock.Now()}
	close(x.done)
}

// takes is how long an effect on a run (the zero Run: on the pod) takes, beside
// what its Behaviour says: up to a millisecond, always the same. So what begins
// together ends one after the other, and the same way each time.
func takes(id runtime.ID, r runtime.Run, what string) time.Duration {
	h := fnv.New64a()
	fmt.Fprintf(h, "%s %s %s", id.UID, r, what) // never fails
	return time.Microsecond + time.Duration(h.Sum64()%uint64(time.Millisecond))
}

// pause waits for that long; an error where ctx ends first.
func (m *Machine) pause(ctx context.Context, d time.Duration) error {
	timer := m.clock.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C():
		return nil
	}
}

// get finds a pod, or makes one; m.mu is held.
func (m *Machine) get(id runtime.ID) *pod {
	p := m.pods[id.UID]
	if p == nil {
		p = &pod{runs: map[runtime.Run]*process{}}
		m.pods[id.UID] = p
	}
	return p
}
