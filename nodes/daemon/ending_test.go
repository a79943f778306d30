package daemon

import (
	"context"
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"
	corev1 "k8s.io/api/core/v1"

	"cairn/events"
	"cairn/events/feed"
	"cairn/nodes/host"
	"cairn/nodes/runtime"
	"cairn/nodes/shim"
	"cairn/nodes/volumes"
)

// end ends the cell on the node, as `cairn down` does.
func (n *node) end(patience time.Duration) {
	n.t.Helper()
	d := n.d
	n.stop()
	if err := d.Shutdown(context.Background(), patience); err != nil {
		n.t.Fatal(err)
	}
	l := layout(n.t)
	if left := l.Procs(n.dirs.CgroupParent); len(left) > 0 {
		n.t.Errorf("processes %v are left", left)
	}
	for _, m := range l.V1 {
		if there(filepath.Join(m, n.dirs.CgroupParent)) {
			n.t.Errorf("cgroup %s%s is left", m, n.dirs.CgroupParent)
		}
	}
	for _, dir := range []string{n.dirs.DataDir, n.dirs.RunDir} {
		if left, err := mountinfo.GetMounts(mountinfo.PrefixFilter(dir)); err != nil || slices.ContainsFunc(left, func(m *mountinfo.Info) bool { return m.Mountpoint != dir }) {
			n.t.Errorf("mounts are left below %s (%v)", dir, err)
		}
		if err := volumes.UnmountBelow(dir); err != nil {
			n.t.Error(err)
		}
	}
}

// incidents lists the messages of a reason, in order.
func incidents(all []feed.Report, reason string) []string {
	var out []string
	for _, r := range all {
		for _, i := range r.Facts.Incidents {
			if i.Reason == reason {
				out = append(out, i.Message)
			}
		}
	}
	return out
}

func TestACellThatEndedIsBackAtOnceHoweverOften(t *testing.T) {
	n := newNode(t)
	n.start()
	pod := podOf(t, "web", `
terminationGracePeriodSeconds: 30
containers:
- name: c
  command: [sh, -c, "echo up; trap 'cat /data/hook; exit 0' TERM; while :; do sleep 0.1; done"]
  lifecycle: {preStop: {exec: {command: [sh, -c, "echo the hook ran > /data/hook"]}}}
  volumeMounts: [{name: data, mountPath: /data}]
volumes: [{name: data, emptyDir: {}}]`)
	n.server.Assign(pod, "10.244.0.2")
	for i := range 3 {
		n.waitReady(pod)
		n.waitLog(pod, "c", i, "up")
		before := len(n.seen(pod, ""))
		n.end(patience)
		said := n.seen(pod, "")[before:]
		if got := incidents(said, "Killing"); len(got) != 1 || !strings.Contains(got[0], "the cell is ended") {
			t.Fatalf("killing: %q", got)
		}
		if got := incidents(said, "Exited"); len(got) != 1 || !strings.Contains(got[0], "code 0 (CellEnded)") {
			t.Fatalf("exited: %q", got)
		}
		st := n.status(pod)
		term := st.ContainerStatuses[0].State.Terminated
		if n.ready(pod) || st.Reason != "CellEnded" || term == nil || term.Reason != "CellEnded" || term.ExitCode != 0 {
			t.Fatalf("status at the end: %s", n.lastStatus())
		}
		n.waitLog(pod, "c", i, "the hook ran")
		n.start()
		n.wait("it is started again", func() bool { return n.ready(pod) && n.status(pod).ContainerStatuses[0].RestartCount == int32(i+1) })
		said = n.seen(pod, "")[before+len(said):]
		if said[0].Facts.Ready {
			t.Errorf("the first report after the start calls the pod ready: %s", said[0].Status)
		}
		if got := incidents(said, "Started"); len(got) != 1 || !strings.Contains(got[0], "again: the cell was ended and is up again") {
			t.Errorf("started: %q", got)
		}
		if got := incidents(n.seen(pod, ""), "BackOff"); len(got) != 0 {
			t.Errorf("back-off: %q", got)
		}
	}
}

func TestWhatDoesNotEndWithItsCellInTimeIsKilled(t *testing.T) {
	n := newNode(t)
	n.start()
	pod := podOf(t, "web", `{containers: [{name: c, command: [sh, -c, "trap '' TERM; echo up; while :; do sleep 0.1; done"]}]}`)
	n.server.Assign(pod, "10.244.0.2")
	n.waitLog(pod, "c", 0, "up")
	n.server.SetAway(true) // a server that is gone delays nothing
	n.end(spare + 300*time.Millisecond)
	n.server.SetAway(false)
	n.start()
	n.wait("it is started again", func() bool {
		cs := n.status(pod).ContainerStatuses
		return n.ready(pod) && cs[0].RestartCount == 1 && cs[0].LastTerminationState.Terminated.ExitCode == 137
	})
}

// TestACellThatWasLeftRunningIsEndedByADaemonThatNeverRan is `cairn down` after
// the node daemon crashed.
func TestACellThatWasLeftRunningIsEndedByADaemonThatNeverRan(t *testing.T) {
	n := newNode(t)
	n.start()
	pod := podOf(t, "web", `{containers: [{name: c, command: [sh, -c, "trap 'exit 0' TERM; echo up; while :; do sleep 0.1; done"]}]}`)
	n.server.Assign(pod, "10.244.0.2")
	n.waitLog(pod, "c", 0, "up")
	n.stop()
	n.d = n.open()
	n.end(patience)
	if st := n.status(pod); st.Reason != "CellEnded" {
		t.Errorf("status at the end: %s", n.lastStatus())
	}
}

func TestAMachineThatWasSwitchedOffTellsTheTruthFirstAndStartsAtOnce(t *testing.T) {
	n := newNode(t)
	n.start()
	pod := podOf(t, "web", `{containers: [{name: c, command: [sh, -c, "echo up; exec sleep 3600"]}, {name: d, command: [sleep, "3600"]}]}`)
	n.server.Assign(pod, "10.244.0.2")
	for i := range 3 {
		n.waitReady(pod)
		n.stop()
		_, st, err := shim.Connect(context.Background(), filepath.Join(n.dirs.RunDir, "pods", string(pod.UID)))
		if err != nil {
			t.Fatal(err)
		}
		if err := unix.Kill(st.Pid, unix.SIGKILL); err != nil {
			t.Fatal(err)
		}
		for _, pid := range layout(t).Procs(n.dirs.CgroupParent + "/" + string(pod.UID)) {
			_ = unix.Kill(pid, unix.SIGKILL)
		}
		before := len(n.seen(pod, ""))
		// A second sandbox that lasted so shortly would wait: this one was long.
		n.agePod(pod)
		n.start()
		n.wait("it runs again", func() bool {
			cs := n.status(pod).ContainerStatuses
			return n.ready(pod) && cs[0].RestartCount == int32(i+1) && cs[1].RestartCount == int32(i+1)
		})
		said := n.seen(pod, "")[before:]
		if said[0].Facts.Ready || strings.Contains(string(said[0].Status), `"running"`) {
			t.Errorf("the first report says what is no more: %s", said[0].Status)
		}
		if got := incidents(n.seen(pod, ""), "BackOff"); len(got) != 0 {
			t.Errorf("back-off: %q", got)
		}
		if got := incidents(said, "Started"); len(got) != 2 || !strings.Contains(got[0], "made anew") {
			t.Errorf("started: %q", got)
		}
	}
}

// agePod makes the pod's sandbox an hour old, in what an ended daemon left.
func (n *node) agePod(pod *corev1.Pod) {
	n.t.Helper()
	m, err := host.Open(n.dirs)
	if err != nil {
		n.t.Fatal(err)
	}
	at := m.Pod(runtime.ID{UID: string(pod.UID)})
	left, err := loadNotes(at, string(pod.UID))
	if err != nil {
		n.t.Fatal(err)
	}
	left.State.Made = left.State.Made.Add(-time.Hour)
	b, err := json.Marshal(left)
	if err != nil {
		n.t.Fatal(err)
	}
	if err := at.Save(b); err != nil {
		n.t.Fatal(err)
	}
}

func TestAPodThatIsDeletedHasNoBackOffToTellOf(t *testing.T) {
	n := newNode(t)
	n.start()
	pod := podOf(t, "web", `{containers: [{name: c, command: [sh, -c, "echo up; trap 'exit 1' TERM; while :; do sleep 0.05; done"]}]}`)
	n.server.Assign(pod, "10.244.0.2")
	n.waitLog(pod, "c", 0, "up")
	n.kill(pod, "c") // the next end would be the second
	n.waitLog(pod, "c", 1, "up")
	n.waitReady(pod)
	n.server.Delete(pod, 20)
	n.waitReport(pod, events.SandboxRemoved)
	for _, r := range n.seen(pod, "") {
		if strings.Contains(string(r.Status), "BackOff") || len(incidents([]feed.Report{r}, "BackOff")) > 0 {
			t.Errorf("%s speaks of a back-off: %+v %s", r.Type, r.Facts.Incidents, r.Status)
		}
	}
	if got := incidents(n.seen(pod, ""), "Exited"); len(got) != 2 {
		t.Errorf("exits: %q", got)
	}
}
