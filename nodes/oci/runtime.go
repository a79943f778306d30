package oci

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"

	runc "github.com/containerd/go-runc"
	"golang.org/x/sys/unix"
)

// Runtime is runc with its state directory.
type Runtime struct {
	Path string
	Root string
	runc *runc.Runc
}

// Open finds runc and makes its state directory, which should be in memory.
func Open(path, root string) (*Runtime, error) {
	full, err := exec.LookPath(path)
	if err != nil {
		return nil, fmt.Errorf("runc is not installed (apt-get install runc, or run `make setup`): %w", err)
	}
	if err := os.MkdirAll(root, 0o700); err != nil {
		return nil, fmt.Errorf("make runc's state directory: %w", err)
	}
	return &Runtime{Path: full, Root: root, runc: &runc.Runc{Command: full, Root: root, LogFormat: runc.JSON}}, nil
}

// Version says which runc it is, as in 1.1.5.
func (r *Runtime) Version(ctx context.Context) (string, error) {
	v, err := r.runc.Version(ctx)
	if err != nil {
		return "", fmt.Errorf("ask runc for its version: %w", err)
	}
	v1, _, _ := strings.Cut(v.Runc, "+")
	return v1, nil
}

// Start starts the process of a created container.
func (r *Runtime) Start(ctx context.Context, id string) error { return r.runc.Start(ctx, id) }

// Kill sends a signal to the container's first process.
func (r *Runtime) Kill(ctx context.Context, id string, sig unix.Signal) error {
	err := r.runc.Kill(ctx, id, int(sig), nil)
	if gone(err) {
		return nil
	}
	return err
}

// Delete removes the container, whatever it does.
func (r *Runtime) Delete(ctx context.Context, id string) error {
	err := r.runc.Delete(ctx, id, &runc.DeleteOpts{Force: true})
	if gone(err) {
		return nil
	}
	return err
}

// State says whether the container is created, running or stopped, and its
// pid; false where there is none.
func (r *Runtime) State(ctx context.Context, id string) (status string, pid int, ok bool, err error) {
	c, err := r.runc.State(ctx, id)
	if gone(err) {
		return "", 0, false, nil
	}
	if err != nil {
		return "", 0, false, err
	}
	return c.Status, c.Pid, true, nil
}

// List names all containers of this state directory.
func (r *Runtime) List(ctx context.Context) ([]string, error) {
	cs, err := r.runc.List(ctx)
	if err != nil {
		return nil, fmt.Errorf("list containers: %w", err)
	}
	var ids []string
	for _, c := range cs {
		ids = append(ids, c.ID)
	}
	return ids, nil
}

// gone reads the ways in which runc says that a container or its process is
// not there any more.
func gone(err error) bool {
	if err == nil {
		return false
	}
	for _, s := range []string{"does not exist", "not running", "process already finished", "no such process"} {
		if strings.Contains(err.Error(), s) {
			return true
		}
	}
	return errors.Is(err, os.ErrNotExist)
}
