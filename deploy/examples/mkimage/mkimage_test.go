package main

import (
	"archive/tar"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// entries lists the archive's files as tar prints them: what can be trusted is
// what was written, not what was meant.
func entries(t *testing.T, archive string) (names []string, headers map[string]*tar.Header) {
	t.Helper()
	img, err := tarball.ImageFromPath(archive, nil)
	if err != nil {
		t.Fatal(err)
	}
	layers, err := img.Layers()
	if err != nil || len(layers) != 1 {
		t.Fatalf("%d layers, %v: want one", len(layers), err)
	}
	data, err := layers[0].Uncompressed()
	if err != nil {
		t.Fatal(err)
	}
	defer data.Close()
	headers = map[string]*tar.Header{}
	for r := tar.NewReader(data); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return names, headers
		}
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, h.Name)
		headers[h.Name] = h
	}
}

// The machine's own shell is taken with its loader and libc, and no more than
// a handful of files; a tree without the library is refused by its name.
func TestProgramClosure(t *testing.T) {
	out := filepath.Join(t.TempDir(), "sh.tar")
	if err := run([]string{"-tag", "example/sh:1", "-out", out, "-program", "/bin/sh=/", "-entrypoint", "/bin/sh"}); err != nil {
		t.Fatal(err)
	}
	names, _ := entries(t, out)
	has := func(part string) bool {
		return slices.ContainsFunc(names, func(n string) bool { return strings.Contains(n, part) })
	}
	if !has("bin/sh") || !has("libc.so") || !has("ld-linux") || len(names) > 40 {
		t.Fatalf("the layer has %q", names)
	}

	shell, err := os.ReadFile("/bin/sh")
	if err != nil {
		t.Fatal(err)
	}
	bare := t.TempDir()
	if err := os.WriteFile(filepath.Join(bare, "sh"), shell, 0o755); err != nil {
		t.Fatal(err)
	}
	err = run([]string{"-tag", "example/sh:1", "-out", out, "-program", "/sh=" + bare})
	if err == nil || !strings.Contains(err.Error(), "needs lib") {
		t.Fatalf("a program without its libraries: %v", err)
	}
}

func TestSameInputsSameBytes(t *testing.T) {
	dir := t.TempDir()
	src := filepath.Join(dir, "web")
	var made [2][]byte
	for i := range made {
		// A new file with another time: only content may count.
		if err := os.WriteFile(src, []byte("program"), 0o644); err != nil {
			t.Fatal(err)
		}
		out := filepath.Join(dir, "out.tar")
		args := []string{"-tag", "a/b:1", "-out", out, "-file", src + "=/web:0755", "-dir", "/data:0700:65534",
			"-link", "/bin/sh=busybox", "-port", "80/tcp", "-env", "A=B", "-user", "65534", "-entrypoint", "/web", "-cmd", "x"}
		if err := run(args); err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		made[i] = data
		names, headers := entries(t, out)
		if want := []string{"bin/", "bin/sh", "data/", "web"}; !slices.Equal(names, want) {
			t.Fatalf("the layer has %q, want %q", names, want)
		}
		if h := headers["data/"]; h.Mode != 0o700 || h.Uid != 65534 || !h.ModTime.IsZero() && h.ModTime.Unix() != 0 {
			t.Fatalf("the directory is %+v", h)
		}
		if h := headers["web"]; h.Mode != 0o755 || h.Size != 7 {
			t.Fatalf("the file is %+v", h)
		}
	}
	if string(made[0]) != string(made[1]) {
		t.Fatal("two runs over the same files made different archives")
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 2 {
		t.Fatalf("left behind: %v, %v", left, err)
	}
}

func TestConfig(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out.tar")
	if err := run([]string{"-tag", "a/b:1", "-out", out, "-port", "80/tcp", "-user", "7:8", "-workdir", "/data",
		"-env", "A=B", "-entrypoint", "/web", "-cmd", "x", "-cmd", "y"}); err != nil {
		t.Fatal(err)
	}
	img, err := tarball.ImageFromPath(out, nil)
	if err != nil {
		t.Fatal(err)
	}
	file, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	c := file.Config
	if file.OS != "linux" || file.Architecture == "" || c.User != "7:8" || c.WorkingDir != "/data" ||
		!slices.Equal(c.Entrypoint, []string{"/web"}) || !slices.Equal(c.Cmd, []string{"x", "y"}) ||
		!slices.Equal(c.Env, []string{"A=B"}) || len(c.ExposedPorts) != 1 {
		t.Fatalf("the config is %+v", file)
	}
}

func TestFlagsThatAreRefused(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out.tar")
	for _, args := range [][]string{
		{"-out", out},
		{"-tag", "a/b:1"},
		{"-tag", "A B", "-out", out},
		{"-tag", "a/b:1", "-out", out, "-file", "nothing"},
		{"-tag", "a/b:1", "-out", out, "-file", "/nowhere/at/all=/x"},
		{"-tag", "a/b:1", "-out", out, "-file", "/etc=/x"},
		{"-tag", "a/b:1", "-out", out, "-dir", "relative"},
		{"-tag", "a/b:1", "-out", out, "-dir", "/x:rwx"},
		{"-tag", "a/b:1", "-out", out, "-link", "/x"},
		{"-tag", "a/b:1", "-out", out, "-program", "/x"},
		{"-tag", "a/b:1", "-out", out, "and", "more"},
	} {
		if err := run(args); err == nil {
			t.Errorf("%q was taken", args)
		}
		if _, err := os.Stat(out); err == nil {
			t.Errorf("%q wrote an archive", args)
		}
	}
}
