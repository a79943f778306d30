package shim

import (
	"bytes"
	"embed"
	"fmt"
	"os"
	"path/filepath"
)

// The directory always holds a README, so that a clone compiles before the
// binaries are built.
//
//go:generate ./build.sh
//go:embed all:bin
var binaries embed.FS

// Names of the binaries in the directory given to Install.
const (
	ShimBinary  = "cairn-shim"
	PauseBinary = "cairn-pause"
)

// Install writes the shim and pause binaries to dir, which must not be on a
// file system mounted noexec (Debian's /run is). What is there already and
// equal is left alone; a running older binary is replaced by rename.
func Install(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make directory for shim: %w", err)
	}
	for _, name := range []string{ShimBinary, PauseBinary} {
		want, err := binaries.ReadFile("bin/" + name)
		if err != nil {
			return fmt.Errorf("this cairn was built without %s: run `make build` (or nodes/shim/build.sh before go build)", name)
		}
		path := filepath.Join(dir, name)
		if have, err := os.ReadFile(path); err == nil && bytes.Equal(have, want) {
			continue
		}
		if err := replace(path, want); err != nil {
			return fmt.Errorf("install %s: %w", name, err)
		}
	}
	return nil
}

func replace(path string, b []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".install-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(b)
	if err == nil {
		err = f.Chmod(0o755)
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
