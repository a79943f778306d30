package daemon

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"cairn/events"
	"cairn/nodes/oci"
)

// TestADaemonThatDiesAtAnyMomentFindsItsWay ends the daemon again and again
// while pods come and go, at moments that the seed decides. In the end exactly
// what is assigned runs, each container once.
func TestADaemonThatDiesAtAnyMomentFindsItsWay(t *testing.T) {
	n := newNode(t)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	var stay, go_ []*corev1.Pod
	for i := range 4 {
		pod := podOf(t, fmt.Sprintf("p%d", i), `{terminationGracePeriodSeconds: 0, containers: [{name: a}, {name: b}]}`)
		n.server.Assign(pod, fmt.Sprintf("10.244.0.%d", i+2))
		if i%2 == 0 {
			stay = append(stay, pod)
		} else {
			go_ = append(go_, pod)
		}
	}
	for range 6 {
		n.start()
		time.Sleep(time.Duration(rng.IntN(250)) * time.Millisecond) // the seed decides the moment
		n.stop()
	}
	for _, pod := range go_ {
		n.server.Delete(pod, 0)
	}
	for range 4 {
		n.start()
		time.Sleep(time.Duration(rng.IntN(150)) * time.Millisecond)
		n.stop()
	}
	n.start()
	for _, pod := range stay {
		n.waitReady(pod)
	}
	for _, pod := range go_ {
		n.waitReport(pod, events.SandboxRemoved)
	}
	n.wait("what went is forgotten", func() bool {
		for _, pod := range go_ {
			if there(filepath.Join(n.dirs.DataDir, "pods", string(pod.UID))) {
				return false
			}
		}
		return true
	})
	runc, err := oci.Open("runc", filepath.Join(n.dirs.RunDir, "runc"))
	if err != nil {
		t.Fatal(err)
	}
	n.wait("each container runs once", func() bool {
		ids, err := runc.List(context.Background())
		return err == nil && len(ids) == 2*len(stay)
	})
	for _, pod := range stay {
		for _, c := range n.status(pod).ContainerStatuses {
			if c.RestartCount != 0 {
				t.Errorf("%s/%s was restarted %d times by nobody's wish: %+v", pod.Name, c.Name, c.RestartCount, c.LastTerminationState)
			}
		}
	}
}

func TestPodsOfEveryShapeRun(t *testing.T) {
	n := newNode(t)
	n.start()
	pods := map[string]*corev1.Pod{
		"hostnetwork": podOf(t, "hostnetwork", `{hostNetwork: true, containers: [{name: c, command: [sh, -c, "echo up; exec sleep 3600"]}]}`),
		"sharedpids": podOf(t, "sharedpids", `
shareProcessNamespace: true
containers:
- {name: c, command: [sh, -c, "until busybox ps | grep -q 'sleep 4321'; do sleep 0.1; done; echo up; exec sleep 3600"]}
- {name: d, command: [sleep, "4321"]}`),
		"privileged": podOf(t, "privileged", `{containers: [{name: c, securityContext: {privileged: true}, command: [sh, -c, "busybox mount -t tmpfs x /tmp && echo up; exec sleep 3600"]}]}`),
		"confined": podOf(t, "confined", `
securityContext: {seccompProfile: {type: RuntimeDefault}, sysctls: [{name: net.ipv4.ip_unprivileged_port_start, value: "0"}]}
containers:
- name: c
  securityContext: {runAsUser: 405, allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}
  command: [sh, -c, "busybox unshare -U true && echo BAD; busybox mount -t tmpfs x /tmp && echo BAD; cat /proc/sys/net/ipv4/ip_unprivileged_port_start; busybox grep -E 'CapEff|NoNewPrivs|Seccomp:' /proc/self/status; echo up; exec sleep 3600"]`),
	}
	i := 2
	for name, pod := range pods {
		addr := fmt.Sprintf("10.244.0.%d", i)
		if name == "hostnetwork" {
			addr = "192.0.2.1"
		}
		n.server.Assign(pod, addr)
		i++
	}
	for _, pod := range pods {
		n.waitLog(pod, "c", 0, "F up\n")
		n.waitReady(pod)
	}
	for _, want := range []string{"F 0\n", "CapEff:\t0000000000000000", "NoNewPrivs:\t1", "Seccomp:\t2"} {
		n.waitLog(pods["confined"], "c", 0, want)
	}
}
