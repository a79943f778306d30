package embedded

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// Op is an operation on the disk that Options.Fault may let fail.
type Op string

const (
	OpCreate   Op = "create"
	OpAllocate Op = "allocate"
	OpWrite    Op = "write"
	OpSync     Op = "sync"
	OpTruncate Op = "truncate"
	OpRename   Op = "rename"
	OpRemove   Op = "remove"
	OpSyncDir  Op = "sync folder"
)

// Fault is asked before each operation on the disk. With an error the
// operation fails with it; of a write, the first keep bytes are written
// nevertheless.
type Fault func(op Op, path string, at int64, size int) (keep int, err error)

// disk does the operations that change the folder, and asks fault first.
type disk struct{ fault Fault }

func (d disk) ask(op Op, path string, at int64, size int) (int, error) {
	if d.fault == nil {
		return 0, nil
	}
	return d.fault(op, path, at, size)
}

func (d disk) create(path string) (*os.File, error) {
	if _, err := d.ask(OpCreate, path, 0, 0); err != nil {
		return nil, err
	}
	return os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_RDWR, 0o600)
}

// allocate makes the file size bytes long, with blocks behind them.
func (d disk) allocate(f *os.File, size int64) error {
	if _, err := d.ask(OpAllocate, f.Name(), 0, int(size)); err != nil {
		return err
	}
	for {
		err := unix.Fallocate(int(f.Fd()), 0, 0, size)
		if err != unix.EINTR {
			return err
		}
	}
}

func (d disk) write(f *os.File, b []byte, at int64) error {
	if keep, err := d.ask(OpWrite, f.Name(), at, len(b)); err != nil {
		if keep > 0 {
			if _, werr := f.WriteAt(b[:keep], at); werr != nil {
				return werr
			}
		}
		return err
	}
	_, err := f.WriteAt(b, at)
	return err
}

// sync makes the file's bytes durable, and its size where it changed.
func (d disk) sync(f *os.File) error {
	if _, err := d.ask(OpSync, f.Name(), 0, 0); err != nil {
		return err
	}
	for {
		err := unix.Fdatasync(int(f.Fd()))
		if err != unix.EINTR {
			return err
		}
	}
}

func (d disk) truncate(f *os.File, size int64) error {
	if _, err := d.ask(OpTruncate, f.Name(), size, 0); err != nil {
		return err
	}
	return f.Truncate(size)
}

func (d disk) rename(from, to string) error {
	if _, err := d.ask(OpRename, to, 0, 0); err != nil {
		return err
	}
	return os.Rename(from, to)
}

// remove removes the file at path, if it is there.
func (d disk) remove(path string) error {
	if _, err := os.Lstat(path); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if _, err := d.ask(OpRemove, path, 0, 0); err != nil {
		return err
	}
	return os.Remove(path)
}

func (d disk) syncDir(path string) error {
	if _, err := d.ask(OpSyncDir, path, 0, 0); err != nil {
		return err
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}

// replace puts a small file in place whole and durably, or not at all.
func (d disk) replace(path string, content []byte) error {
	tmp := path + tmpSuffix
	f, err := d.create(tmp)
	if err != nil {
		return err
	}
	err = d.write(f, content, 0)
	if err == nil {
		err = d.sync(f)
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = d.rename(tmp, path)
	}
	if err != nil {
		return errors.Join(err, d.remove(tmp))
	}
	return d.syncDir(filepath.Dir(path))
}

func isFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

// lock takes the folder for this process until the file is closed.
func lock(dir string) (*os.File, error) {
	path := filepath.Join(dir, lockName)
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		holder := make([]byte, 32)
		n, _ := f.ReadAt(holder, 0) // io.EOF at its end; an empty name is said below
		f.Close()
		if !errors.Is(err, unix.EWOULDBLOCK) {
			return nil, fmt.Errorf("ledger: cannot lock %s: %w", path, err)
		}
		who := "another process"
		if n > 0 {
			who = "process " + string(holder[:n])
		}
		return nil, fmt.Errorf("ledger: %s is in use by %s: stop that first, or use another folder", dir, who)
	}
	if err := f.Truncate(0); err != nil {
		f.Close()
		return nil, err
	}
	if _, err := f.WriteAt(fmt.Append(nil, os.Getpid()), 0); err != nil && !isFull(err) {
		f.Close()
		return nil, err
	}
	return f, nil
}
