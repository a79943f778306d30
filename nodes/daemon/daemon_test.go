package daemon

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"cairn/events"
	"cairn/events/feed"
	"cairn/nodes/servertest"
	"cairn/nodes/shim"
)

func TestTwoContainersShareANetworkAndEndGracefully(t *testing.T) {
	n := newNode(t)
	n.start()
	pod := podOf(t, "web", `
terminationGracePeriodSeconds: 2
containers:
- name: server
  command: [sh, -c, "echo hello > /tmp/index.html; trap 'echo goodbye; exit 0' TERM; httpd -p 127.0.0.1:8080 -h /tmp; while :; do sleep 0.1; done"]
- name: client
  command: [sh, -c, "until wget -qO- http://127.0.0.1:8080/; do sleep 0.1; done; hostname; cat /etc/resolv.conf; exec sleep 3600"]
  lifecycle: {preStop: {exec: {command: [sh, -c, "echo hook > /tmp/hook"]}}}
`)
	n.server.Assign(pod, "10.244.0.2")
	n.waitReady(pod)
	n.waitLog(pod, "client", 0, "stdout F hello\n")
	n.waitLog(pod, "client", 0, "stdout F web\n")
	n.waitLog(pod, "client", 0, "search shop.svc.cluster.local svc.cluster.local cluster.local")
	started := n.waitReport(pod, events.ContainerStarted)
	if started.Facts.Epoch != 1 || started.Facts.Feed == 0 || started.Facts.Registration != n.server.Registration() || started.Base < n.server.Registration() {
		t.Errorf("report %+v names no instruction", started)
	}
	n.server.Delete(pod, 2)
	n.waitReport(pod, events.SandboxRemoved)
	killed := n.waitReport(pod, events.ContainerKilled)
	if len(killed.Facts.Incidents) != 1 || !strings.Contains(killed.Facts.Incidents[0].Message, "asked for by alice") {
		t.Errorf("killed: %+v", killed.Facts.Incidents)
	}
	exits := map[string]string{}
	for _, r := range n.seen(pod, events.ContainerExited) {
		exits[r.Facts.Incidents[0].Container] = r.Facts.Incidents[0].Message
	}
	if !strings.Contains(exits["server"], "code 0") || len(exits) != 2 {
		t.Errorf("exits: %v", exits)
	}
	n.wait("nothing is left", func() bool {
		return !there(filepath.Join(n.dirs.DataDir, "pods", string(pod.UID))) && !there(filepath.Join(n.dirs.RunDir, "pods", string(pod.UID)))
	})
	if len(n.net.attached) != 0 {
		t.Errorf("addresses %v are still attached", n.net.attached)
	}
}

func TestAContainerThatIsKilledIsStartedAgain(t *testing.T) {
	n := newNode(t)
	n.start()
	pod := podOf(t, "web", `containers: [{name: c, command: [sh, -c, "echo up; exec sleep 3600"]}]`)
	n.server.Assign(pod, "10.244.0.2")
	n.waitReady(pod)
	n.kill(pod, "c")
	exit := n.waitReport(pod, events.ContainerExited)
	if m := exit.Facts.Incidents[0].Message; !strings.Contains(m, "signal 9, SIGKILL") {
		t.Errorf("exit: %s", m)
	}
	n.wait("it runs again", func() bool {
		cs := n.status(pod).ContainerStatuses
		return n.ready(pod) && cs[0].RestartCount == 1 && cs[0].LastTerminationState.Terminated != nil && cs[0].LastTerminationState.Terminated.ExitCode == 137
	})
	n.waitLog(pod, "c", 1, "up")
}

// kill ends a container's first process with SIGKILL.
func (n *node) kill(pod *corev1.Pod, container string) {
	n.t.Helper()
	_, st, err := shim.Connect(context.Background(), filepath.Join(n.dirs.RunDir, "pods", string(pod.UID)))
	if err != nil {
		n.t.Fatal(err)
	}
	for _, p := range st.Processes {
		if strings.Contains(p.ID, "-"+container+"-") && p.Exit == nil {
			if err := unix.Kill(p.Pid, unix.SIGKILL); err != nil {
				n.t.Fatal(err)
			}
			return
		}
	}
	n.t.Fatalf("no process of container %s in %+v", container, st.Processes)
}

func TestAPodGoesOnWithoutItsDaemon(t *testing.T) {
	n := newNode(t)
	n.start()
	pod := podOf(t, "web", `
containers:
- {name: stays, command: [sh, -c, "i=0; while :; do i=$((i+1)); echo $i; sleep 0.05; done"]}
- {name: leaves, command: [sh, -c, "echo in; while [ ! -e /stop/now ]; do sleep 0.05; done; exit 7"], volumeMounts: [{name: s, mountPath: /stop}]}
volumes: [{name: s, emptyDir: {}}]
`)
	n.server.Assign(pod, "10.244.0.2")
	n.waitReady(pod)
	n.waitLog(pod, "stays", 0, "F 3\n")
	n.waitLog(pod, "leaves", 0, "in")
	n.stop()
	before := n.log(pod, "stays", 0)
	if err := os.WriteFile(filepath.Join(n.dirs.DataDir, "pods", string(pod.UID), "volumes", "s", "now"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	n.wait("the container goes on", func() bool { return len(n.log(pod, "stays", 0)) > len(before)+100 })
	if err := os.Remove(filepath.Join(n.dirs.DataDir, "pods", string(pod.UID), "volumes", "s", "now")); err != nil {
		t.Fatal(err)
	}
	n.start()
	n.wait("the exit is reported with its code", func() bool {
		for _, r := range n.seen(pod, events.ContainerExited) {
			if strings.Contains(r.Facts.Incidents[0].Message, "leaves ended with code 7") {
				return true
			}
		}
		return false
	})
	n.wait("the one is restarted, the other is not", func() bool {
		cs := n.status(pod).ContainerStatuses
		return n.ready(pod) && cs[0].RestartCount == 0 && cs[1].RestartCount == 1
	})
}

func TestVolumesAndEnvironmentReachTheContainer(t *testing.T) {
	n := newNode(t)
	n.start()
	pod := podOf(t, "web", `
restartPolicy: Never
securityContext: {fsGroup: 100}
initContainers:
- {name: first, command: [sh, -c, "echo from-init > /shared/f"], volumeMounts: [{name: shared, mountPath: /shared}]}
containers:
- name: c
  securityContext: {runAsUser: 405, readOnlyRootFilesystem: true}
  env:
  - {name: PASSWORD, valueFrom: {secretKeyRef: {name: pw, key: password}}}
  - {name: WHO, valueFrom: {fieldRef: {fieldPath: status.podIP}}}
  command: [sh, -c, "cat /shared/f /cfg/greeting /pw/password /token/token; echo; echo env $PASSWORD $WHO; id -u; id -g; echo x > /nowhere || echo readonly; echo last words > /dev/termination-log"]
  terminationMessagePath: /dev/termination-log
  volumeMounts:
  - {name: shared, mountPath: /shared}
  - {name: cfg, mountPath: /cfg}
  - {name: pw, mountPath: /pw}
  - {name: token, mountPath: /token}
volumes:
- {name: shared, emptyDir: {}}
- {name: cfg, configMap: {name: cfg}}
- {name: pw, secret: {secretName: pw}}
- {name: token, projected: {sources: [{serviceAccountToken: {path: token}}]}}
`)
	n.server.Assign(pod, "10.244.0.2",
		&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "cfg"}, Data: map[string]string{"greeting": "hello-cfg\n"}},
		&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "pw"}, Data: map[string][]byte{"password": []byte("hunter2-secret")}})
	n.wait("the pod succeeds", func() bool { return n.status(pod).Phase == corev1.PodSucceeded })
	log := n.log(pod, "c", 0)
	for _, want := range []string{"from-init", "hello-cfg", "hunter2-secret", "a-token", "env hunter2-secret 10.244.0.2", "F 405\n", "F 100\n", "readonly"} {
		if !strings.Contains(log, want) {
			t.Errorf("log has no %q:\n%s", want, log)
		}
	}
	if m := n.status(pod).ContainerStatuses[0].State.Terminated; m == nil || m.Message != "last words" || m.Reason != "Completed" {
		t.Errorf("terminated: %+v", m)
	}
	n.stop()
	grep(t, n.dirs.DataDir, "hunter2-secret", "c/0.log")
}

// grep fails where a file below dir, other than the container's own log, holds
// the text.
func grep(t *testing.T, dir, text, allowed string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(p string, e os.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() || strings.HasSuffix(p, allowed) {
			return nil
		}
		if b, err := os.ReadFile(p); err == nil && strings.Contains(string(b), text) {
			t.Errorf("%s holds the secret", p)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func TestProbesFlipReadinessAndRestart(t *testing.T) {
	n := newNode(t)
	n.start()
	pod := podOf(t, "web", `
terminationGracePeriodSeconds: 1
containers:
- name: c
  ports: [{name: web, containerPort: 8080}]
  command: [sh, -c, "echo ok > /tmp/index.html; touch /tmp/alive; httpd -p 8080 -h /tmp; exec sleep 3600"]
  readinessProbe: {httpGet: {port: web, path: /index.html}, periodSeconds: 1, failureThreshold: 1}
  livenessProbe: {exec: {command: [cat, /tmp/alive]}, periodSeconds: 1, failureThreshold: 1, initialDelaySeconds: 1}
`)
	n.server.Assign(pod, "10.244.0.2")
	n.waitReady(pod)
	n.exec(pod, "c", "busybox", "mv", "/tmp/index.html", "/tmp/gone.html")
	n.wait("it is not ready", func() bool { return !n.ready(pod) })
	failed := n.waitReport(pod, events.ProbeFailed)
	if i := failed.Facts.Incidents[0]; i.Reason != "Unhealthy" || !strings.Contains(i.Message, "404") {
		t.Errorf("incident %+v", i)
	}
	n.exec(pod, "c", "busybox", "mv", "/tmp/gone.html", "/tmp/index.html")
	n.waitReport(pod, events.ProbeRecovered)
	n.waitReady(pod)
	n.exec(pod, "c", "busybox", "rm", "/tmp/alive")
	n.wait("it was restarted and is ready", func() bool {
		cs := n.status(pod).ContainerStatuses
		return n.ready(pod) && cs[0].RestartCount == 1
	})
}

func TestATokenIsRenewedBeforeItEnds(t *testing.T) {
	n := newNode(t)
	n.start()
	pod := podOf(t, "web", `
containers: [{name: c, volumeMounts: [{name: token, mountPath: /token}], command: [sh, -c, "until busybox grep -q second /token/token; do sleep 0.1; done; echo renewed; exec sleep 3600"]}]
volumes: [{name: token, projected: {sources: [{serviceAccountToken: {path: token}}]}}]`)
	n.server.SetTokenLife(time.Minute)
	n.server.Assign(pod, "10.244.0.2")
	n.waitReady(pod)
	// A daemon that starts does not know how old the token is: it asks for one.
	n.stop()
	n.server.SetToken(pod, "the-second-token")
	n.start()
	n.waitLog(pod, "c", 0, "renewed")
}

func TestNothingStartsBeforeAMarkNewerThanTheRegistration(t *testing.T) {
	n := newNode(t)
	n.server.SetSilent(true)
	n.start()
	pod := podOf(t, "web", `containers: [{name: c}]`)
	n.server.Assign(pod, "10.244.0.2")
	n.wait("the assignment arrived", func() bool { return exists2(n, pod) })
	n.server.Emit(feed.AssignmentEntry{Offset: 3, Mark: true}) // older than the registration
	// An older record that a late emitter repeats must change nothing.
	n.server.Repeat(feed.AssignmentEntry{Offset: 2, Key: servertest.Key(pod)})
	n.d.mu.Lock()
	open := isOpen(n.d.gate)
	n.d.mu.Unlock()
	if open || len(n.seen(pod, "")) != 0 {
		t.Fatal("something was started before the mark")
	}
	n.server.Emit(feed.AssignmentEntry{Mark: true})
	n.waitReady(pod)
	// Gone from the feed while the daemon is away: removed at the next start.
	n.stop()
	n.server.SetSilent(false)
	n.server.Drop(pod)
	n.start()
	n.waitReport(pod, events.SandboxRemoved)
}

func exists2(n *node, pod *corev1.Pod) bool {
	n.d.mu.Lock()
	defer n.d.mu.Unlock()
	return n.d.workers[string(pod.UID)] != nil
}

func isOpen(c chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func TestWhatCannotStartSaysWhy(t *testing.T) {
	n := newNode(t)
	n.start()
	for name, c := range map[string]struct{ spec, reason string }{
		"image":   {`containers: [{name: c, image: "nowhere.invalid/x:1"}]`, "ErrImageNeverPull"},
		"command": {`containers: [{name: c, command: [/no/such/program]}]`, "RunContainerError"},
		"nonroot": {`{securityContext: {runAsNonRoot: true}, containers: [{name: c}]}`, "CreateContainerConfigError"},
	} {
		pod := podOf(t, name, c.spec)
		n.server.Assign(pod, "10.244.0.2")
		n.wait(name+" says "+c.reason, func() bool {
			cs := n.status(pod).ContainerStatuses
			return len(cs) == 1 && cs[0].State.Waiting != nil && cs[0].State.Waiting.Reason == c.reason && cs[0].State.Waiting.Message != ""
		})
		n.server.Delete(pod, 0)
		n.waitReport(pod, events.SandboxRemoved)
	}
	missing := podOf(t, "missing", `{containers: [{name: c, volumeMounts: [{name: v, mountPath: /v}]}], volumes: [{name: v, configMap: {name: none}}]}`)
	n.server.Assign(missing, "10.244.0.3")
	if r := n.waitReport(missing, events.VolumeFailed); r.Facts.Incidents[0].Reason != "FailedMount" || !strings.Contains(r.Facts.Incidents[0].Message, `configmap "none" not found`) {
		t.Errorf("incident %+v", r.Facts.Incidents)
	}
	refused := podOf(t, "refused", `{hostPID: true, containers: [{name: c}]}`)
	n.server.Assign(refused, "10.244.0.4")
	n.wait("the pod is refused by name", func() bool {
		st := n.status(refused)
		return st.Phase == corev1.PodFailed && strings.Contains(st.Message, "spec.hostPID")
	})
}

func TestAShimThatIsKilledLosesTheCodeAndSaysSo(t *testing.T) {
	n := newNode(t)
	n.start()
	pod := podOf(t, "web", `containers: [{name: c, command: [sh, -c, "echo up; exec sleep 3600"]}]`)
	n.server.Assign(pod, "10.244.0.2")
	n.waitReady(pod)
	_, st, err := shim.Connect(context.Background(), filepath.Join(n.dirs.RunDir, "pods", string(pod.UID)))
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Kill(st.Pid, unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	exit := n.waitReport(pod, events.ContainerExited)
	if m := exit.Facts.Incidents[0].Message; !strings.Contains(m, "exit code is unknown") {
		t.Errorf("exit: %s", m)
	}
	n.wait("a new sandbox runs it", func() bool { return len(n.seen(pod, events.SandboxCreated)) == 2 && n.ready(pod) })
}

func TestAMemoryHogIsKilledForIt(t *testing.T) {
	n := newNode(t)
	n.start()
	pod := podOf(t, "hog", `
restartPolicy: Never
containers:
- name: c
  resources: {limits: {memory: 16Mi, cpu: 500m}}
  command: [sh, -c, "x=0123456789abcdef; while :; do x=$x$x; done"]
`)
	n.server.Assign(pod, "10.244.0.2")
	n.wait("it is killed for its memory", func() bool {
		cs := n.status(pod).ContainerStatuses
		return len(cs) == 1 && cs[0].State.Terminated != nil && cs[0].State.Terminated.Reason == "OOMKilled"
	})
	if n.status(pod).Phase != corev1.PodFailed {
		t.Errorf("phase %s", n.status(pod).Phase)
	}
}

func (n *node) exec(pod *corev1.Pod, container string, command ...string) string {
	n.t.Helper()
	c, err := n.d.Container(pod.Namespace, pod.Name, string(pod.UID), container)
	if err != nil {
		n.t.Fatal(err)
	}
	var out strings.Builder
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	code, err := c.Exec(ctx, command, streams(&out))
	if err != nil || code != 0 {
		n.t.Fatalf("exec %v: code %d, %v: %s", command, code, err, out.String())
	}
	return out.String()
}
