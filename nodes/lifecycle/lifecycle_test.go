package lifecycle

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
)

var epoch = time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)

// TestScenarios runs each file twice: as it is, and with the machine written
// out and resumed before every step, which must make no difference.
func TestScenarios(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		run := func(t *testing.T, restarts bool) {
			var m *Machine
			datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
				if d.Cmd == "pod" {
					m = New(parsePod(t, d))
					return ""
				}
				if restarts || d.Cmd == "restart" {
					m = reopen(t, m)
				}
				if d.Cmd == "restart" { // what was under way is lost with the daemon
					m.State.Reporting = false
					return ""
				}
				return step1(t, m, d)
			})
		}
		t.Run("live", func(t *testing.T) { run(t, false) })
		t.Run("resumed", func(t *testing.T) { run(t, true) })
	})
}

// reopen writes the machine out and reads it back, keeping what is under way,
// which a daemon would find out from the kernel.
func reopen(t *testing.T, m *Machine) *Machine {
	t.Helper()
	b, err := json.Marshal(m.State)
	if err != nil {
		t.Fatal(err)
	}
	var st State
	if err := json.Unmarshal(b, &st); err != nil {
		t.Fatal(err)
	}
	out := Resume(m.Spec, st)
	out.State.Sandbox, out.State.Reporting = m.State.Sandbox, m.State.Reporting
	return out
}

func parsePod(t *testing.T, d *datadriven.TestData) Spec {
	s := Spec{Restart: Always}
	var restart string
	var grace int
	d.ScanArgs(t, "restart", &restart)
	d.MaybeScanArgs(t, "grace", &grace)
	s.Restart, s.Grace = RestartPolicy(restart), time.Duration(grace)*time.Second
	for _, line := range strings.Split(d.Input, "\n") {
		f := strings.Fields(line)
		c := Container{Name: f[1], Sidecar: f[0] == "sidecar", Startup: strings.Contains(line, " startup"), Readiness: strings.Contains(line, " readiness")}
		if f[0] == "main" {
			s.Main = append(s.Main, c)
		} else {
			s.Init = append(s.Init, c)
		}
	}
	return s
}

func step1(t *testing.T, m *Machine, d *datadriven.TestData) string {
	after, err := time.ParseDuration(d.CmdArgs[0].Key)
	if err != nil {
		d.Fatalf(t, "%v", err)
	}
	now := epoch.Add(after)
	if e, ok := parseEvent(t, d, now); ok {
		m.Handle(e, now)
	}
	acts, wake := m.Next(now)
	var out strings.Builder
	for _, a := range acts {
		fmt.Fprintf(&out, "%s %s", a.Do, a.Container)
		if a.Do == Stop {
			fmt.Fprintf(&out, " (%s, %s)", a.Reason, a.Grace)
		}
		out.WriteString("\n")
	}
	fmt.Fprintf(&out, "%s", m.Outcome())
	if m.Ready() {
		out.WriteString(" ready")
	}
	for _, name := range slices.Sorted(maps.Keys(m.State.Containers)) {
		s := m.State.Containers[name]
		if s.Reason != "" && s.Phase != Starting {
			fmt.Fprintf(&out, "; %s %s", name, s.Reason)
		}
	}
	if !wake.IsZero() {
		fmt.Fprintf(&out, "; look again at %s", wake.Sub(epoch))
	}
	return strings.ReplaceAll(out.String(), " \n", "\n") + "\n"
}

func parseEvent(t *testing.T, d *datadriven.TestData, now time.Time) (Event, bool) {
	if len(d.CmdArgs) < 2 {
		return Event{}, false
	}
	words := map[string]What{
		"started": Started, "start-failed": StartFailed, "exited": HasExited, "startup-passed": StartupPassed,
		"ready": BecameReady, "unready": BecameUnready, "unhealthy": Unhealthy, "delete": Delete, "removed": Removed,
		"sandbox made": SandboxMade, "sandbox failed": SandboxFailed, "sandbox gone": SandboxGone, "sandbox stopped": SandboxStopped, "remove failed": RemoveFailed,
		"heard": Heard, "unheard": Unheard, "was over": WasOver,
		"changed": Changed, "cell ends": CellEnds, "cell ended": CellEnded, "cell began": CellBegan,
	}
	verb := d.CmdArgs[1].Key
	e := Event{What: words[verb], ID: "id", Image: "img"}
	if len(d.CmdArgs) > 2 && len(d.CmdArgs[2].Vals) == 0 {
		if w, ok := words[verb+" "+d.CmdArgs[2].Key]; ok {
			e.What = w
		} else {
			e.Container = d.CmdArgs[2].Key
		}
	}
	var grace int
	d.MaybeScanArgs(t, "grace", &grace)
	d.MaybeScanArgs(t, "reason", &e.Reason)
	e.Grace = time.Duration(grace) * time.Second
	if e.What == HasExited {
		e.Exit = &Exit{Known: true, Finished: now}
		d.MaybeScanArgs(t, "code", &e.Exit.Code)
		d.MaybeScanArgs(t, "signal", &e.Exit.Signal)
		if e.Exit.Signal != 0 {
			e.Exit.Code = 128 + e.Exit.Signal
		}
	}
	if e.What == "" {
		d.Fatalf(t, "no such event: %s", strconv.Quote(verb))
	}
	return e, true
}

func TestStatusShowsWhatKubernetesShows(t *testing.T) {
	pod := &corev1.Pod{Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "web", Image: "web:1"}}}}
	m := New(Of(pod))
	at := func(s int) time.Time { return epoch.Add(time.Duration(s) * time.Second) }
	if st := m.Status(pod, Host{}, nil, at(0)); st.Phase != corev1.PodPending || st.ContainerStatuses[0].State.Waiting.Reason != "ContainerCreating" {
		t.Errorf("at first: %+v", st)
	}
	m.Next(at(0))
	m.Handle(Event{What: SandboxMade}, at(0))
	m.Next(at(0))
	m.Handle(Event{What: Started, Container: "web", ID: "abc"}, at(1))
	run := m.Status(pod, Host{PodIP: "10.0.0.2"}, nil, at(1))
	if run.Phase != corev1.PodRunning || !run.ContainerStatuses[0].Ready || run.ContainerStatuses[0].State.Running == nil || run.PodIPs[0].IP != "10.0.0.2" {
		t.Errorf("running: %+v", run)
	}
	if later := m.Status(pod, Host{}, run, at(9)); !later.Conditions[2].LastTransitionTime.Equal(&run.Conditions[2].LastTransitionTime) {
		t.Error("a condition that did not change has a new time")
	}
	for i := range 2 {
		m.Handle(Event{What: HasExited, Container: "web", Exit: &Exit{Known: i > 0, Code: 1, Finished: at(2)}}, at(2))
		m.Next(at(2))
		m.Handle(Event{What: Started, Container: "web", ID: "abc"}, at(2))
	}
	crash := m.Status(pod, Host{}, run, at(3)).ContainerStatuses[0]
	if crash.State.Waiting == nil || crash.State.Waiting.Reason != "CrashLoopBackOff" || crash.RestartCount != 1 || crash.LastTerminationState.Terminated.ExitCode != 1 {
		t.Errorf("crashing: %+v", crash)
	}
}

func TestAStatusThatWasWrittenAndReadIsTheSame(t *testing.T) {
	pod := &corev1.Pod{Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "web", Image: "web:1"}}}}
	m := New(Of(pod))
	now := time.Now()
	m.Next(now)
	m.Handle(Event{What: SandboxMade}, now)
	m.Next(now)
	m.Handle(Event{What: Started, Container: "web", ID: "abc"}, now)
	reported := m.Status(pod, Host{Started: now}, nil, now)
	b, err := json.Marshal(reported)
	if err != nil {
		t.Fatal(err)
	}
	var read corev1.PodStatus
	if err := json.Unmarshal(b, &read); err != nil {
		t.Fatal(err)
	}
	m = reopen(t, m)
	if again := m.Status(pod, Host{Started: now}, &read, now.Add(time.Minute)); !equality.Semantic.DeepEqual(again, &read) {
		t.Errorf("reported %+v, now %+v", read, again)
	}
}
