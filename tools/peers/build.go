package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// What cairn is measured beside.
const (
	kubeVersion    = "v1.37.1"
	stagingVersion = "v0.37.1"
	etcdVersion    = "v3.6.8"
)

// module is a module folder of its own: what it builds is no dependency of ours.
type module struct {
	name, pkg string
	text      string // of its go.mod
	flags     string // for the linker
}

// build makes bin/etcd and bin/kube-apiserver below dir, unless they are there
// in these versions, and returns the bin folder.
func build(ctx context.Context, dir string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	bin, mark := filepath.Join(dir, "bin"), filepath.Join(dir, "versions")
	want := strings.Join([]string{kubeVersion, stagingVersion, etcdVersion}, " ")
	if have, err := os.ReadFile(mark); err == nil && string(have) == want {
		return bin, nil
	}
	kube, err := kubeModule(ctx, dir)
	if err != nil {
		return "", err
	}
	etcd := module{name: "etcd", pkg: "go.etcd.io/etcd/server/v3", text: goMod("go.etcd.io/etcd/server/v3", etcdVersion, nil)}
	for _, m := range []module{etcd, kube} {
		fmt.Fprintf(os.Stderr, "peers: building %s from the module proxy; the first time this takes minutes\n", m.name)
		if err := m.build(ctx, filepath.Join(dir, m.name), filepath.Join(bin, m.name)); err != nil {
			return "", err
		}
	}
	return bin, os.WriteFile(mark, []byte(want), 0o644)
}

// kubeModule asks for Kubernetes' own go.mod, which names its staging modules
// without a version: each needs a line that gives it one.
func kubeModule(ctx context.Context, dir string) (module, error) {
	const path = "k8s.io/kubernetes"
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return module{}, err
	}
	cmd := exec.CommandContext(ctx, "go", "mod", "download", "-json", path+"@"+kubeVersion)
	cmd.Dir, cmd.Stderr = dir, os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return module{}, fmt.Errorf("fetch %s: %w; see that this machine reaches a module proxy: go env GOPROXY", path, err)
	}
	var got struct{ GoMod string }
	if err := json.Unmarshal(out, &got); err != nil {
		return module{}, fmt.Errorf("read go's answer: %w", err)
	}
	text, err := os.ReadFile(got.GoMod)
	if err != nil {
		return module{}, err
	}
	const stamp = "-X k8s.io/component-base/version."
	flags := fmt.Sprintf("-s -w %sgitVersion=%s %sgitMajor=1 %sgitMinor=%s", stamp, kubeVersion, stamp, stamp, strings.Split(kubeVersion, ".")[1])
	return module{name: "kube-apiserver", pkg: path + "/cmd/kube-apiserver", text: goMod(path, kubeVersion, staging(string(text))), flags: flags}, nil
}

var unversioned = regexp.MustCompile(`(?m)^\s+(k8s\.io/\S+) v0\.0\.0(?:\s|$)`)

// staging returns the modules that a go.mod of Kubernetes requires as v0.0.0.
func staging(text string) (paths []string) {
	for _, m := range unversioned.FindAllStringSubmatch(text, -1) {
		paths = append(paths, m[1])
	}
	return paths
}

// goMod is a module that needs one other, with the staging modules replaced.
func goMod(path, version string, replaced []string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "module peer\n\ngo 1.26.0\n\nrequire %s %s\n", path, version)
	for _, p := range replaced {
		fmt.Fprintf(&b, "\nreplace %s => %s %s\n", p, p, stagingVersion)
	}
	return b.String()
}

func (m module) build(ctx context.Context, dir, out string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "go.mod"), []byte(m.text), 0o644); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "nice", "-n", "19", "go", "build", "-mod=mod", "-trimpath", "-ldflags", m.flags, "-o", out, m.pkg)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, os.Stderr, os.Stderr
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=", "GOWORK=off")
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("build %s in %s: %w", m.pkg, dir, err)
	}
	return nil
}
