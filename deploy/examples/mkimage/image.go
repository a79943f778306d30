package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// settings are what the image's config says about how to run it.
type settings struct {
	entrypoint, cmd, env, ports []string
	workdir, user               string
}

// writeImage writes the archive of an image with one layer, by way of a
// temporary file beside it, and returns the digest of its config.
func writeImage(out, tag string, t tree, s settings) (string, error) {
	ref, err := name.NewTag(tag)
	if err != nil {
		return "", fmt.Errorf("-tag %s: %w", tag, err)
	}
	img, err := build(t, s)
	if err != nil {
		return "", err
	}
	f, err := os.CreateTemp(filepath.Dir(out), ".mkimage-*")
	if err != nil {
		return "", err
	}
	defer os.Remove(f.Name()) // gone already once renamed
	defer f.Close()
	if err := tarball.Write(ref, img, f); err != nil {
		return "", err
	}
	if err := f.Chmod(0o644); err != nil {
		return "", err
	}
	if err := f.Close(); err != nil {
		return "", err
	}
	if err := os.Rename(f.Name(), out); err != nil {
		return "", err
	}
	digest, err := img.ConfigName()
	return digest.String(), err
}

func build(t tree, s settings) (v1.Image, error) {
	data, err := t.layer()
	if err != nil {
		return nil, err
	}
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(data)), nil
	})
	if err != nil {
		return nil, err
	}
	img, err := mutate.Append(empty.Image, mutate.Addendum{
		Layer:   layer,
		History: v1.History{CreatedBy: "mkimage"},
	})
	if err != nil {
		return nil, err
	}
	file, err := img.ConfigFile()
	if err != nil {
		return nil, err
	}
	file = file.DeepCopy()
	file.OS, file.Architecture = "linux", runtime.GOARCH
	file.Config = v1.Config{
		Entrypoint: s.entrypoint, Cmd: s.cmd, Env: s.env,
		WorkingDir: s.workdir, User: s.user,
	}
	if len(s.ports) > 0 {
		file.Config.ExposedPorts = map[string]struct{}{}
		for _, p := range s.ports {
			file.Config.ExposedPorts[p] = struct{}{}
		}
	}
	return mutate.ConfigFile(img, file)
}
