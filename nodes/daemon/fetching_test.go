package daemon

import (
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"cairn/events"
)

func TestAChangedConfigMapReachesTheVolumeOfARunningPod(t *testing.T) {
	n := newNode(t)
	n.d.cfg.Refresh = 100 * time.Millisecond
	n.start()
	pod := podOf(t, "web", `
containers: [{name: c, volumeMounts: [{name: cfg, mountPath: /cfg}, {name: pw, mountPath: /pw}], command: [sh, -c, "until busybox grep -q second /cfg/greeting && busybox grep -q other /pw/password; do sleep 0.1; done; echo heard; exec sleep 3600"]}]
volumes: [{name: cfg, configMap: {name: cfg}}, {name: pw, secret: {secretName: pw}}]`)
	with := func(greeting, password string) []any {
		return []any{&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "cfg"}, Data: map[string]string{"greeting": greeting}},
			&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "pw"}, Data: map[string][]byte{"password": []byte(password)}}}
	}
	n.server.Assign(pod, "10.244.0.2", with("first", "one")...)
	n.waitReady(pod)
	n.server.Bundle(pod, with("second", "another")...)
	n.waitLog(pod, "c", 0, "heard")
	if asked := n.server.Asked(); !slices.Contains(asked, 0) || asked[0] != 1 {
		t.Errorf("asked for revisions %v: want the assignment's first, then now", asked)
	}
}

func TestAConfigMapThatComesLateLetsThePodStart(t *testing.T) {
	n := newNode(t)
	n.start()
	pod := podOf(t, "web", `
containers: [{name: c, volumeMounts: [{name: cfg, mountPath: /cfg}], command: [sh, -c, "cat /cfg/greeting; exec sleep 3600"]}]
volumes: [{name: cfg, configMap: {name: cfg}}]`)
	n.server.Assign(pod, "10.244.0.2")
	n.waitReport(pod, events.VolumeFailed)
	n.server.Bundle(pod, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "cfg"}, Data: map[string]string{"greeting": "late\n"}})
	n.waitLog(pod, "c", 0, "late")
}

func TestAChangedImageRestartsTheContainerThatHasIt(t *testing.T) {
	n := newNode(t)
	n.start()
	pod := podOf(t, "web", `
terminationGracePeriodSeconds: 1
containers:
- {name: c, command: [sh, -c, "echo up; exec sleep 3600"]}
- {name: d, command: [sleep, "3600"]}`)
	n.server.Assign(pod, "10.244.0.2")
	n.waitReady(pod)
	n.waitLog(pod, "c", 0, "up")
	pod.Spec.Containers[0].Image = "docker.io/library/busybox:test" // another name of the same
	n.server.Update(pod, "d2")
	n.wait("it runs with its new image", func() bool {
		cs := n.status(pod).ContainerStatuses
		return n.ready(pod) && cs[0].RestartCount == 1 && cs[0].Image == pod.Spec.Containers[0].Image && cs[1].RestartCount == 0
	})
	n.waitLog(pod, "c", 1, "up")
	if got := incidents(n.seen(pod, ""), "Killing"); len(got) != 1 || !strings.Contains(got[0], "has another image now") {
		t.Errorf("killing: %q", got)
	}
	// An image that is not there: what ran is stopped, and the reason is reported.
	pod.Spec.Containers[0].Image = "nowhere.invalid/x:1"
	n.server.Update(pod, "d3")
	n.wait("the image is missed", func() bool {
		w := n.status(pod).ContainerStatuses[0].State.Waiting
		return w != nil && w.Reason == "ErrImageNeverPull"
	})
	pod.Spec.Containers[0].Image = "busybox:test"
	n.server.Update(pod, "d4")
	n.wait("it runs with its first image", func() bool { return n.ready(pod) && n.status(pod).ContainerStatuses[0].RestartCount == 2 })
}

func TestAContainerThatIsGettingUpIsReadySoonAndTellsNoFailure(t *testing.T) {
	n := newNode(t)
	n.start()
	pod := podOf(t, "web", `
containers:
- name: c
  command: [sh, -c, "sleep 0.5; echo ok > /tmp/index.html; httpd -p 8080 -h /tmp; exec sleep 3600"]
  readinessProbe: {httpGet: {port: 8080, path: /index.html}, periodSeconds: 60}
  livenessProbe: {tcpSocket: {port: 8080}, periodSeconds: 60}`)
	n.server.Assign(pod, "10.244.0.2")
	n.waitReady(pod) // within its patience, not a period
	if got := incidents(n.seen(pod, ""), "Unhealthy"); len(got) != 0 {
		t.Errorf("unhealthy: %q", got)
	}
}
