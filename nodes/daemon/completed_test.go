package daemon

import (
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/moby/sys/mountinfo"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"cairn/events"
	"cairn/nodes/streaming"
)

func TestACompletedPodKeepsItsLogAndNothingElse(t *testing.T) {
	n := newNode(t)
	n.start()
	pod := podOf(t, "job", `
restartPolicy: OnFailure
containers:
- {name: work, command: [sh, -c, "cat /pw/password; echo worked"], volumeMounts: [{name: pw, mountPath: /pw}, {name: scratch, mountPath: /scratch}]}
- {name: more, command: [sh, -c, "[ -e /scratch/again ] && echo once more && exit 0; touch /scratch/again; exit 3"], volumeMounts: [{name: scratch, mountPath: /scratch}]}
volumes: [{name: pw, secret: {secretName: pw}}, {name: scratch, emptyDir: {}}]`)
	n.server.Assign(pod, "10.244.0.2", &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "pw"}, Data: map[string][]byte{"password": []byte("hunter2\n")}})
	removed := n.waitReport(pod, events.SandboxRemoved)
	said := n.seen(pod, "")
	if last := said[len(said)-2]; last.Facts.Phase != events.Succeeded || removed.Facts.Phase != events.Succeeded {
		t.Errorf("the final status is not on record before the sandbox's end: %s %v", last.Type, last.Facts.Phase)
	}
	run, data := filepath.Join(n.dirs.RunDir, "pods", string(pod.UID)), filepath.Join(n.dirs.DataDir, "pods", string(pod.UID))
	check := func(when string) {
		t.Helper()
		mounts, err := mountinfo.GetMounts(func(m *mountinfo.Info) (skip, stop bool) {
			return !strings.Contains(m.Mountpoint, string(pod.UID)), false
		})
		procs := layout(t).Procs(n.dirs.CgroupParent + "/" + string(pod.UID))
		shims := layout(t).Procs(n.dirs.CgroupParent + "/shims")
		if err != nil || len(mounts) > 0 || len(procs) > 0 || len(shims) > 0 || n.net.has("10.244.0.2") || there(run) || there(filepath.Join(data, "volumes")) {
			t.Errorf("%s: mounts %v (%v), processes %v, shims %v, address %v, run directory %v", when, mounts, err, procs, shims, n.net.has("10.244.0.2"), there(run))
		}
		srv := httptest.NewServer(streaming.Handler(n.d))
		defer srv.Close()
		for container, want := range map[string]string{"work": "hunter2\nworked\n", "more": "once more\n"} {
			r, err := http.Get(srv.URL + "/containerLogs/shop/job/" + container + "?follow=true")
			if err != nil {
				t.Fatal(err)
			}
			defer r.Body.Close()
			if b, err := io.ReadAll(r.Body); err != nil || string(b) != want {
				t.Errorf("%s: log of %s is %q (%v)", when, container, b, err)
			}
		}
		if k := len(n.seen(pod, events.SandboxCreated)); k != 1 {
			t.Errorf("%s: its sandbox was made %d times", when, k)
		}
	}
	n.wait("the pod's groups are gone", func() bool { return len(layout(t).Procs(n.dirs.CgroupParent+"/shims")) == 0 })
	check("when it has ended")
	n.stop()
	n.start()
	other := podOf(t, "web", `containers: [{name: c}]`)
	n.server.Assign(other, "10.244.0.2") // the address is free
	n.waitReady(other)
	if !n.net.has("10.244.0.2") || there(run) {
		t.Error("after a restart of the daemon the completed pod is not what it was")
	}
	before := len(n.seen(pod, ""))
	n.server.Delete(pod, 30)
	n.wait("nothing is left", func() bool {
		logs, err := filepath.Glob(filepath.Join(n.dirs.DataDir, "logs", "*"+string(pod.UID)))
		return err == nil && len(logs) == 0 && !there(data)
	})
	if !n.net.has("10.244.0.2") || !n.ready(other) {
		t.Error("its deletion took the other pod's address")
	}
	if after := n.seen(pod, "")[before:]; len(after) > 0 {
		t.Errorf("its deletion was reported as %s, though its end was on record", after[0].Type)
	}
}
