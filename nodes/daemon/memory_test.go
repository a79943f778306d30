package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"cairn/events"
	"cairn/events/feed"
	"cairn/nodes/clocktest"
	"cairn/nodes/runtime"
	"cairn/nodes/runtimetest"
	"cairn/nodes/servertest"
)

var began = time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)

// inMemory runs f in a bubble with a virtual clock.
func inMemory(t *testing.T, f func(t *testing.T, clk *clocktest.Clock)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { f(t, clocktest.New(began)) })
}

// memoryNode is a real daemon on a machine in memory.
type memoryNode struct {
	t       *testing.T
	clk     *clocktest.Clock
	cfg     Config
	server  *servertest.Server
	machine *runtimetest.Machine
	network *runtimetest.Network
	d       *Daemon
	stop    func()
}

func newMemoryNode(t *testing.T, clk *clocktest.Clock, name string, behave func(runtime.ID, runtime.Run, *corev1.Container) runtimetest.Behaviour) *memoryNode {
	t.Helper()
	n := &memoryNode{t: t, clk: clk, server: servertest.New(), machine: runtimetest.New(clk, behave), network: &runtimetest.Network{}}
	n.server.Clock = clk
	n.cfg = Config{
		Info: feed.NodeInfo{Name: name, Addresses: []string{"192.0.2.1"}}, Runtime: n.machine, Server: n.server, Network: n.network,
		Clock: clk, Log: slog.New(slog.DiscardHandler),
	}
	copy(n.cfg.Seed[:], "seed of "+name)
	n.start()
	t.Cleanup(func() { n.stop() })
	return n
}

func (n *memoryNode) start() {
	n.t.Helper()
	var err error
	if n.d, err = New(n.cfg); err != nil {
		n.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- n.d.Run(ctx) }()
	n.stop = func() {
		n.stop = func() {}
		cancel()
		if err := <-done; err != nil {
			n.t.Error(err)
		}
	}
}

// restart ends the daemon and runs another one.
func (n *memoryNode) restart() {
	n.stop()
	n.start()
}

// loseReports has the daemon's reports go through what can lose them.
func (n *memoryNode) loseReports() *lossy {
	lost := &lossy{Server: n.server}
	n.stop()
	n.cfg.Server = lost
	n.start()
	return lost
}

// until lets virtual time pass until the condition holds.
func (n *memoryNode) until(what string, cond func() bool) {
	n.t.Helper()
	if !n.clk.Run(time.Hour, synctest.Wait, cond) {
		n.t.Fatalf("within an hour, not: %s", what)
	}
}

// pass lets virtual time pass.
func (n *memoryNode) pass(d time.Duration) {
	n.clk.Run(d, synctest.Wait, func() bool { return false })
}

func (n *memoryNode) ready(pod *corev1.Pod) bool {
	rs := n.server.Reports(string(pod.UID), "")
	return len(rs) > 0 && rs[len(rs)-1].Facts.Ready
}

// count counts the reports of a type about a pod.
func (n *memoryNode) count(pod *corev1.Pod, ty events.Type) int {
	return len(n.server.Reports(string(pod.UID), ty))
}

func memoryPod(name string, policy corev1.RestartPolicy, containers ...string) *corev1.Pod {
	p := &corev1.Pod{}
	p.Namespace, p.Name, p.UID = "shop", name, types.UID("uid-"+name)
	p.Spec.RestartPolicy = policy
	for _, c := range containers {
		p.Spec.Containers = append(p.Spec.Containers, corev1.Container{Name: c, Image: "busybox:1"})
	}
	return p
}

func TestTwoHundredNodesInOneProcessRunAndEndAPodEach(t *testing.T) {
	inMemory(t, func(t *testing.T, clk *clocktest.Clock) {
		behave := func(runtime.ID, runtime.Run, *corev1.Container) runtimetest.Behaviour {
			return runtimetest.Behaviour{Starts: 3 * time.Second}
		}
		var nodes []*memoryNode
		var pods []*corev1.Pod
		for i := range 200 {
			nodes = append(nodes, newMemoryNode(t, clk, fmt.Sprintf("n%d", i), behave))
			pod := memoryPod(fmt.Sprintf("web-%d", i), corev1.RestartPolicyAlways, "c")
			pod.Spec.Containers[0].ReadinessProbe = &corev1.Probe{
				InitialDelaySeconds: 20, ProbeHandler: corev1.ProbeHandler{Exec: &corev1.ExecAction{Command: []string{"check"}}},
			}
			nodes[i].server.Assign(pod, "10.244.0.2")
			pods = append(pods, pod)
		}
		all := func(cond func(n *memoryNode, pod *corev1.Pod) bool) func() bool {
			return func() bool {
				return !slices.ContainsFunc(nodes, func(n *memoryNode) bool { return !cond(n, pods[slices.Index(nodes, n)]) })
			}
		}
		nodes[0].until("all are ready", all(func(n *memoryNode, pod *corev1.Pod) bool { return n.ready(pod) }))
		if ran := clk.Since(began); ran < 23*time.Second || ran > 23*time.Second+5*time.Millisecond {
			t.Errorf("ready after %s: a start takes 3 s, the probe waits 20 s", ran)
		}
		for i, n := range nodes {
			n.server.Delete(pods[i], 30)
		}
		nodes[0].until("all are gone", all(func(n *memoryNode, pod *corev1.Pod) bool {
			_, logs, notes := n.machine.Has(string(pod.UID))
			return n.count(pod, events.SandboxRemoved) == 1 && !logs && !notes && len(n.network.Attached()) == 0
		}))
		nodes[0].pass(time.Minute)
		for _, n := range nodes {
			n.stop()
			if beats := n.server.Beats(); beats < 6 || beats > 10 {
				t.Errorf("%s beat %d times in %s", n.cfg.Info.Name, beats, clk.Since(began))
			}
		}
	})
}

// TestASeedRepeatsARun compares all that a node reports, bytes and times, of
// two runs.
func TestASeedRepeatsARun(t *testing.T) {
	var said [2][]feed.Report
	for i := range said {
		synctest.Test(t, func(t *testing.T) {
			clk := clocktest.New(began)
			n := newMemoryNode(t, clk, "n1", func(_ runtime.ID, r runtime.Run, _ *corev1.Container) runtimetest.Behaviour {
				return runtimetest.Behaviour{Starts: time.Second, Lasts: time.Duration(r.N+1) * time.Minute, Code: 1}
			})
			synctest.Wait() // it is registered
			for k := range 5 {
				n.server.Assign(memoryPod(fmt.Sprintf("web-%d", k), corev1.RestartPolicyAlways, "a", "b"), fmt.Sprintf("10.244.0.%d", k+2))
			}
			n.pass(20 * time.Minute)
			n.stop()
			said[i] = n.server.Reports("", "")
			slices.SortStableFunc(said[i], func(a, b feed.Report) int { return slices.Compare([]byte(a.UID), []byte(b.UID)) })
		})
	}
	if len(said[0]) < 50 {
		t.Fatalf("only %d reports", len(said[0]))
	}
	for i := range said[0] {
		a, _ := json.Marshal(said[0][i])
		b, err := json.Marshal(said[1][i])
		if err != nil || string(a) != string(b) {
			t.Fatalf("report %d of %d and %d differs:\n%s\n%s", i, len(said[0]), len(said[1]), a, b)
		}
	}
}

func TestACompletedPodGivesItsAddressBackAndIsNeverRunAgain(t *testing.T) {
	inMemory(t, func(t *testing.T, clk *clocktest.Clock) {
		n := newMemoryNode(t, clk, "n1", func(id runtime.ID, _ runtime.Run, _ *corev1.Container) runtimetest.Behaviour {
			if id.Name == "job" {
				return runtimetest.Behaviour{Lasts: time.Minute}
			}
			return runtimetest.Behaviour{}
		})
		job, web := memoryPod("job", corev1.RestartPolicyOnFailure, "c"), memoryPod("web", corev1.RestartPolicyAlways, "c")
		n.server.Assign(job, "10.244.0.2")
		n.until("its sandbox has ended", func() bool { return n.count(job, events.SandboxRemoved) == 1 })
		said := n.server.Reports(string(job.UID), "")
		exit, removed := said[len(said)-2], said[len(said)-1]
		if exit.Type != events.ContainerExited || exit.Facts.Phase != events.Succeeded || removed.Type != events.SandboxRemoved || removed.Facts.Phase != events.Succeeded || removed.Facts.Epoch != 1 {
			t.Errorf("the last reports are %s (%v) and %s (%v)", exit.Type, exit.Facts.Phase, removed.Type, removed.Facts.Phase)
		}
		// The fold gives the address to another pod now.
		n.server.Assign(web, "10.244.0.2")
		n.until("the other pod is ready", func() bool { return n.ready(web) })
		quiet := func(what string) {
			t.Helper()
			n.pass(10 * time.Minute)
			sandbox, logs, notes := n.machine.Has(string(job.UID))
			if sandbox || len(n.machine.Running(string(job.UID))) > 0 || !logs || !notes || len(n.network.Attached()) != 1 {
				t.Errorf("%s: sandbox %v, logs %v, notes %v, addresses %v", what, sandbox, logs, notes, n.network.Attached())
			}
			if now := n.server.Reports(string(job.UID), ""); len(now) != len(said) {
				t.Errorf("%s: %s was reported too", what, now[len(now)-1].Type)
			}
		}
		quiet("left alone")
		n.restart()
		quiet("after a restart of the daemon, which reads its feed anew")
		n.server.ForgetNode()
		quiet("after a new registration")
		n.server.Delete(job, 30)
		n.until("nothing is left", func() bool {
			_, logs, notes := n.machine.Has(string(job.UID))
			return !logs && !notes
		})
		if len(n.server.Reports(string(job.UID), "")) != len(said) {
			t.Error("its deletion was reported, though its end was on record")
		}
		if len(n.network.Attached()) != 1 || !n.ready(web) {
			t.Errorf("the other pod has lost its address: %v", n.network.Attached())
		}
		n.stop()
	})
}

func TestAPodThatIsOverOnRecordIsNotRunByAMachineThatLostItsNotes(t *testing.T) {
	inMemory(t, func(t *testing.T, clk *clocktest.Clock) {
		starts := 0
		n := newMemoryNode(t, clk, "n1", func(runtime.ID, runtime.Run, *corev1.Container) runtimetest.Behaviour {
			starts++
			return runtimetest.Behaviour{Lasts: time.Minute, Code: 3}
		})
		lost := n.loseReports()
		lost.drop = events.SandboxRemoved
		job := memoryPod("job", corev1.RestartPolicyNever, "c")
		n.server.Assign(job, "10.244.0.2")
		n.until("the end of its sandbox was sent", func() bool { return lost.dropped > 0 })
		lost.drop = ""
		for range 2 { // before the end of its sandbox is on record, and after
			n.stop()
			n.machine.ForgetAll()
			n.start()
			n.pass(10 * time.Minute)
			rs := n.server.Reports(string(job.UID), "")
			last := rs[len(rs)-1]
			var st corev1.PodStatus
			if err := json.Unmarshal(last.Status, &st); err != nil {
				t.Fatal(err)
			}
			if starts != 1 || n.count(job, events.SandboxRemoved) != 1 || last.Type != events.SandboxRemoved || st.Phase != corev1.PodFailed || len(st.ContainerStatuses) != 1 || st.ContainerStatuses[0].State.Terminated.ExitCode != 3 {
				t.Errorf("started %d times, reported as %s: %s", starts, last.Type, last.Status)
			}
		}
	})
}

func TestTheEndOfASandboxIsReportedUntilItIsHeardUnderThisRegistration(t *testing.T) {
	inMemory(t, func(t *testing.T, clk *clocktest.Clock) {
		n := newMemoryNode(t, clk, "n1", nil)
		lost := n.loseReports()
		job := memoryPod("job", corev1.RestartPolicyNever, "c")
		n.server.Assign(job, "10.244.0.2")
		n.until("it is ready", func() bool { return n.ready(job) })
		lost.drop = events.SandboxRemoved // it is sent, and no answer comes
		n.machine.Exit(string(job.UID), "c", 0)
		n.until("its end was sent", func() bool { return lost.dropped > 0 })
		n.server.ForgetNode()
		n.pass(time.Minute)
		lost.drop = ""
		n.until("its end is on record", func() bool {
			rs := n.server.Reports(string(job.UID), events.SandboxRemoved)
			return len(rs) > 0 && rs[len(rs)-1].Facts.Registration == n.server.Registration()
		})
		n.pass(10 * time.Minute)
		if k := n.count(job, events.SandboxRemoved); k != 2 {
			t.Errorf("it was reported %d times: once fenced, once accepted is right", k)
		}
		n.stop()
	})
}

// lossy loses the daemon's reports of a type.
type lossy struct {
	*servertest.Server
	drop    events.Type
	dropped int
}

func (l *lossy) Report(ctx context.Context, r feed.Report) (feed.ReportAnswer, error) {
	if r.Type == l.drop {
		l.dropped++
		return feed.ReportAnswer{}, errors.New("the connection broke")
	}
	return l.Server.Report(ctx, r)
}

func TestAMachineInMemoryThatRebootsRunsItsPodsAgain(t *testing.T) {
	inMemory(t, func(t *testing.T, clk *clocktest.Clock) {
		n := newMemoryNode(t, clk, "n1", nil)
		pod := memoryPod("web", corev1.RestartPolicyAlways, "c", "d")
		n.server.Assign(pod, "10.244.0.2")
		n.until("it is ready", func() bool { return n.ready(pod) })
		n.pass(time.Minute)
		n.machine.LoseShim(string(pod.UID))
		n.until("it runs again", func() bool { return n.count(pod, events.SandboxCreated) == 2 && n.ready(pod) })
		n.pass(time.Minute)
		n.stop()
		n.machine.Reboot()
		n.start()
		n.until("it runs once more", func() bool { return n.count(pod, events.SandboxCreated) == 3 && n.ready(pod) })
		if runs := fmt.Sprint(n.machine.Running(string(pod.UID))); runs != "[c-2 d-2]" {
			t.Errorf("running: %s", runs)
		}
		n.stop()
		ended := make(chan error, 1)
		go func() { ended <- n.d.Shutdown(context.Background(), time.Minute) }()
		n.until("the cell has ended", func() bool { return len(ended) > 0 })
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if sandbox, logs, notes := n.machine.Has(string(pod.UID)); sandbox || !logs || !notes || len(n.network.Attached()) > 0 {
			t.Errorf("at the end of the cell: sandbox %v, logs %v, notes %v, addresses %v", sandbox, logs, notes, n.network.Attached())
		}
	})
}
