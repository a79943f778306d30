package daemon

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/uuid"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/yaml"

	"cairn/events"
	"cairn/events/feed"
	"cairn/nodes/cgroups"
	"cairn/nodes/guardtest"
	"cairn/nodes/host"
	"cairn/nodes/servertest"
	"cairn/nodes/volumes"
)

func TestMain(m *testing.M) { os.Exit(guardtest.Main(m)) }

// patience is how long a condition may take on a crowded machine.
const patience = 40 * time.Second

// archive is a docker archive of an image that is busybox and nothing else.
var archive = sync.OnceValues(func() ([]byte, error) {
	bin, err := os.ReadFile("/bin/busybox")
	if err != nil {
		return nil, fmt.Errorf("busybox-static is not installed: run `make setup-test` (%w)", err)
	}
	var layer bytes.Buffer
	w := tar.NewWriter(&layer)
	files := []tar.Header{
		{Name: "bin/", Typeflag: tar.TypeDir, Mode: 0o755}, {Name: "tmp/", Typeflag: tar.TypeDir, Mode: 0o1777},
		{Name: "bin/busybox", Typeflag: tar.TypeReg, Mode: 0o755, Size: int64(len(bin))},
		{Name: "etc/passwd", Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(passwd))},
	}
	for _, a := range []string{"sh", "cat", "echo", "sleep", "httpd", "wget", "id", "ls", "hostname", "stty", "trap", "env", "kill"} {
		files = append(files, tar.Header{Name: "bin/" + a, Typeflag: tar.TypeSymlink, Linkname: "busybox", Mode: 0o777})
	}
	for _, h := range files {
		if err := w.WriteHeader(&h); err != nil {
			return nil, err
		}
		body := map[string][]byte{"bin/busybox": bin, "etc/passwd": []byte(passwd)}[h.Name]
		if _, err := w.Write(body); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	l, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(layer.Bytes())), nil })
	if err != nil {
		return nil, err
	}
	img, err := mutate.AppendLayers(empty.Image, l)
	if err != nil {
		return nil, err
	}
	if img, err = mutate.Config(img, v1.Config{Env: []string{"PATH=/bin"}, Cmd: []string{"sleep", "3600"}}); err != nil {
		return nil, err
	}
	tag, err := name.NewTag("busybox:test")
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	return out.Bytes(), errJoin(tarball.Write(tag, img, &out), func() { archiveBytes = out.Bytes() })
})

const passwd = "root:x:0:0::/root:/bin/sh\nguest:x:405:100::/home:/bin/sh\n"

var archiveBytes []byte

func errJoin(err error, then func()) error {
	if err == nil {
		then()
	}
	return err
}

// node is a daemon under test on this machine, in directories of its own.
type node struct {
	t      *testing.T
	cfg    Config
	dirs   host.Config
	server *servertest.Server
	net    *flat
	d      *Daemon
	stop   func()
}

func newNode(t *testing.T) *node {
	t.Helper()
	t.Parallel()
	if _, err := archive(); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	n := &node{t: t, server: servertest.New(), net: &flat{attached: map[netip.Addr]string{}}, stop: func() {}}
	log := slog.New(slog.NewTextHandler(testWriter{t}, nil))
	cell := "t" + uuid.NewString()[:8]
	n.dirs = host.Config{
		Cell: cell, DataDir: filepath.Join(dir, "data"), RunDir: filepath.Join(dir, "run"), CgroupParent: guardtest.Group() + "/" + cell, Log: log,
	}
	n.cfg = Config{
		Info: feed.NodeInfo{Name: "n1", Addresses: []string{"192.0.2.1"}}, Heartbeat: 50 * time.Millisecond,
		Server: n.server, Network: n.net, Log: log,
	}
	t.Cleanup(n.close)
	n.d = n.open()
	file := filepath.Join(dir, "image.tar")
	if err := os.WriteFile(file, archiveBytes, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := n.machine().Images().Import(context.Background(), file); err != nil {
		t.Fatal(err)
	}
	return n
}

// machine is the one that the daemon works on.
func (n *node) machine() *host.Runtime { return n.d.cfg.Runtime.(*host.Runtime) }

type testWriter struct{ t *testing.T }

func (w testWriter) Write(b []byte) (int, error) {
	w.t.Log(strings.TrimSpace(string(b)))
	return len(b), nil
}

func (n *node) open() *Daemon {
	n.t.Helper()
	m, err := host.Open(n.dirs)
	if err != nil {
		n.t.Fatal(err)
	}
	cfg := n.cfg
	cfg.Runtime = m
	d, err := New(cfg)
	if err != nil {
		n.t.Fatal(err)
	}
	return d
}

// start runs a daemon; stop ends it as a crash would: nothing is cleaned up.
func (n *node) start() {
	n.t.Helper()
	if n.d == nil {
		n.d = n.open()
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	d := n.d
	go func() { done <- d.Run(ctx) }()
	n.stop = func() {
		cancel()
		if err := <-done; err != nil {
			n.t.Error(err)
		}
		n.stop, n.d = func() {}, nil
	}
}

// close takes everything away, and checks that nothing is left.
func (n *node) close() {
	n.stop()
	if err := n.open().Shutdown(context.Background(), time.Second); err != nil {
		n.t.Error(err)
	}
	if err := volumes.UnmountBelow(filepath.Dir(n.dirs.RunDir)); err != nil {
		n.t.Error(err)
	}
	if left := layout(n.t).Procs(n.dirs.CgroupParent); len(left) > 0 {
		n.t.Errorf("processes %v are left", left)
	}
}

func layout(t *testing.T) cgroups.Layout {
	t.Helper()
	l, err := cgroups.Detect()
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// wait waits until the condition holds.
func (n *node) wait(what string, cond func() bool) {
	n.t.Helper()
	until := time.Now().Add(patience)
	for !cond() {
		if time.Now().After(until) {
			n.t.Fatalf("timed out: %s\nlast status: %s", what, n.lastStatus())
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func (n *node) lastStatus() string {
	rs := n.server.Reports("", "")
	if len(rs) == 0 {
		return "none"
	}
	return string(rs[len(rs)-1].Status)
}

// seen gives the reports of a type about a pod, all types for "".
func (n *node) seen(pod *corev1.Pod, ty events.Type) []feed.Report {
	return n.server.Reports(string(pod.UID), ty)
}

// status is the pod's last reported one.
func (n *node) status(pod *corev1.Pod) corev1.PodStatus {
	var st corev1.PodStatus
	if rs := n.seen(pod, ""); len(rs) > 0 {
		if err := json.Unmarshal(rs[len(rs)-1].Status, &st); err != nil {
			n.t.Error(err)
		}
	}
	return st
}

func (n *node) ready(pod *corev1.Pod) bool {
	rs := n.seen(pod, "")
	return len(rs) > 0 && rs[len(rs)-1].Facts.Ready
}

func (n *node) waitReady(pod *corev1.Pod) {
	n.t.Helper()
	n.wait("pod "+pod.Name+" is ready", func() bool { return n.ready(pod) })
}

func (n *node) waitReport(pod *corev1.Pod, ty events.Type) feed.Report {
	n.t.Helper()
	n.wait(string(ty), func() bool { return len(n.seen(pod, ty)) > 0 })
	rs := n.seen(pod, ty)
	return rs[len(rs)-1]
}

// log is what a container said so far in its run number i.
func (n *node) log(pod *corev1.Pod, container string, i int) string {
	b, _ := os.ReadFile(filepath.Join(n.dirs.DataDir, "logs", pod.Namespace+"_"+pod.Name+"_"+string(pod.UID), container, fmt.Sprintf("%d.log", i)))
	return string(b)
}

func (n *node) waitLog(pod *corev1.Pod, container string, i int, want string) {
	n.t.Helper()
	n.wait(fmt.Sprintf("%s says %q", container, want), func() bool { return strings.Contains(n.log(pod, container, i), want) })
}

// podOf reads a pod's spec; image and grace period are set where missing.
func podOf(t *testing.T, name, spec string) *corev1.Pod {
	t.Helper()
	p := &corev1.Pod{}
	p.Namespace, p.Name, p.UID = "shop", name, types.UID(uuid.NewString())
	if err := yaml.UnmarshalStrict([]byte(spec), &p.Spec); err != nil {
		t.Fatal(err)
	}
	for _, cs := range [][]corev1.Container{p.Spec.InitContainers, p.Spec.Containers} {
		for i := range cs {
			if cs[i].Image == "" {
				cs[i].Image = "busybox:test"
			}
			cs[i].ImagePullPolicy = corev1.PullNever
		}
	}
	return p
}

func there(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}
