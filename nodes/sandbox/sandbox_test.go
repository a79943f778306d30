package sandbox

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

var host = Host{OpenFiles: 20000, OOMScoreAdj: 0, Capabilities: slices.DeleteFunc(slices.Clone(capabilityNames), func(s string) bool { return s == "CAP_SYS_RESOURCE" })}

func scenario(t *testing.T, cmd string, pod *corev1.Pod) string {
	t.Helper()
	resolver := Resolver{Server: "10.96.0.10", Domain: "cluster.local", Host: []byte("search example.com\nnameserver 9.9.9.9\noptions edns0\n")}
	switch cmd {
	case "refuse":
		if err := Refuse(pod); err != nil {
			return err.Error() + "\n"
		}
		return "accepted\n"
	case "resolv":
		b, err := ResolvConf(pod, resolver)
		if err != nil {
			return "error: " + err.Error() + "\n"
		}
		return string(b)
	case "hosts":
		return string(Hosts(pod, "10.244.0.7", "cluster.local", nil))
	}
	spec := &pod.Spec.Containers[0]
	image := v1.Config{Entrypoint: []string{"/entry"}, Cmd: []string{"default"}, Env: []string{"PATH=/bin", "FROM_IMAGE=1"}, WorkingDir: "/srv"}
	env, err := Environ(pod, spec, image.Env, Objects{
		ConfigMaps: map[string]*corev1.ConfigMap{"cfg": {Data: map[string]string{"level": "debug"}}},
		ServiceEnv: map[string]string{"REDIS_SERVICE_HOST": "10.96.0.5"},
	})
	if err != nil {
		return "error: " + err.Error() + "\n"
	}
	c := &Container{Pod: pod, Spec: spec, Image: image, Rootfs: "/rootfs", Env: env, Pause: 42, Cgroup: "/cairn/c/u1/c", Host: host}
	s, err := c.Runtime()
	if err != nil {
		return "error: " + err.Error() + "\n"
	}
	var out any = s
	switch cmd {
	case "args":
		out = s.Process.Args
	case "capabilities":
		out = s.Process.Capabilities.Effective
	}
	b, err := json.MarshalIndent(out, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(b) + "\n"
}

func TestScenarios(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			var pod corev1.Pod
			if err := yaml.UnmarshalStrict([]byte(d.Input), &pod); err != nil {
				d.Fatalf(t, "%v", err)
			}
			return scenario(t, d.Cmd, &pod)
		})
	})
}

func TestUsersAreThoseOfTheImage(t *testing.T) {
	root := t.TempDir()
	if err := os.Mkdir(filepath.Join(root, "etc"), 0o755); err != nil {
		t.Fatal(err)
	}
	for f, text := range map[string]string{
		"etc/passwd": "root:x:0:0:root:/root:/bin/sh\nredis:x:101:102::/data:/bin/false\n",
		"etc/group":  "root:x:0:\nredis:x:102:\nlog:x:50:redis,web\nweb:x:33:\n",
	} {
		if err := os.WriteFile(filepath.Join(root, f), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	i := func(n int64) *int64 { return &n }
	yes := true
	for _, c := range []struct {
		image string
		sc    *corev1.SecurityContext
		psc   *corev1.PodSecurityContext
		want  User
		fails string
	}{
		{image: "", want: User{Home: "/root"}},
		{image: "redis", want: User{UID: 101, GID: 102, Groups: []uint32{50}, Home: "/data"}},
		{image: "redis:web", want: User{UID: 101, GID: 33, Groups: []uint32{50}, Home: "/data"}},
		{image: "101", want: User{UID: 101, GID: 102, Groups: []uint32{50}, Home: "/data"}},
		{image: "4711:4712", want: User{UID: 4711, GID: 4712}},
		{image: "nobody", fails: `no user "nobody"`},
		{image: "redis:nogroup", fails: `no group "nogroup"`},
		{image: "redis", sc: &corev1.SecurityContext{RunAsUser: i(7)}, want: User{UID: 7}},
		{image: "redis", psc: &corev1.PodSecurityContext{RunAsUser: i(7), RunAsGroup: i(8), FSGroup: i(9), SupplementalGroups: []int64{5}}, want: User{UID: 7, GID: 8, Groups: []uint32{5, 9}}},
		{image: "", sc: &corev1.SecurityContext{RunAsNonRoot: &yes}, fails: "runAsNonRoot"},
	} {
		pod := &corev1.Pod{Spec: corev1.PodSpec{SecurityContext: c.psc}}
		got, err := ResolveUser(root, pod, &corev1.Container{Name: "c", SecurityContext: c.sc}, c.image)
		if c.fails != "" {
			if err == nil || !strings.Contains(err.Error(), c.fails) {
				t.Errorf("%q: err = %v, want %q", c.image, err, c.fails)
			}
			continue
		}
		if err != nil || got.UID != c.want.UID || got.GID != c.want.GID || got.Home != c.want.Home || !slices.Equal(got.Groups, c.want.Groups) {
			t.Errorf("%q: %+v, %v; want %+v", c.image, got, err, c.want)
		}
	}
}

func TestAnImagesPasswdThatPointsOutsideIsNotRead(t *testing.T) {
	root := t.TempDir()
	if err := os.Mkdir(filepath.Join(root, "etc"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("../../../../../../../../etc/passwd", filepath.Join(root, "etc/passwd")); err != nil {
		t.Fatal(err)
	}
	if u, err := ResolveUser(root, &corev1.Pod{}, &corev1.Container{}, "daemon"); err == nil {
		t.Errorf("read the host's passwd: %+v", u)
	}
}

func TestAnImagesPasswdThatIsAPipeIsRefusedAtOnce(t *testing.T) {
	root := t.TempDir()
	if err := os.Mkdir(filepath.Join(root, "etc"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mkfifo(filepath.Join(root, "etc/passwd"), 0o644); err != nil {
		t.Fatal(err)
	}
	if u, err := ResolveUser(root, &corev1.Pod{}, &corev1.Container{}, ""); err == nil {
		t.Errorf("a pipe was read as passwd: %+v", u)
	}
}

func TestTheDefaultProfileGrowsWithTheCapabilities(t *testing.T) {
	allows := func(call string, add ...corev1.Capability) bool {
		pod := &corev1.Pod{Spec: corev1.PodSpec{
			SecurityContext: &corev1.PodSecurityContext{SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault}},
			Containers:      []corev1.Container{{Name: "c", SecurityContext: &corev1.SecurityContext{Capabilities: &corev1.Capabilities{Add: add}}}},
		}}
		c := &Container{Pod: pod, Spec: &pod.Spec.Containers[0], Image: v1.Config{Cmd: []string{"x"}}, Env: &Environment{}, Host: host}
		s, err := c.Runtime()
		if err != nil {
			t.Fatal(err)
		}
		if s.Linux.Seccomp == nil || s.Linux.Seccomp.DefaultAction != specs.ActErrno {
			t.Fatalf("no profile, or one that allows what it does not know: %+v", s.Linux.Seccomp)
		}
		return slices.ContainsFunc(s.Linux.Seccomp.Syscalls, func(r specs.LinuxSyscall) bool {
			return r.Action == specs.ActAllow && len(r.Args) == 0 && slices.Contains(r.Names, call)
		})
	}
	if !allows("read") || allows("mount") || allows("unshare") || allows("io_uring_setup") || !allows("mount", "SYS_ADMIN") {
		t.Error("the profile is not containerd's default")
	}
}

func TestThisHostCanBeRead(t *testing.T) {
	h, err := ReadHost()
	if err != nil {
		t.Fatal(err)
	}
	if h.OpenFiles == 0 || !slices.Contains(h.Capabilities, "CAP_SYS_ADMIN") || len(h.Devices) == 0 {
		t.Errorf("%d files, %v, %d devices", h.OpenFiles, h.Capabilities, len(h.Devices))
	}
}
