package cell

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
)

// Lock holds a cell's data folder for one supervisor, until the process ends.
type Lock struct{ f *os.File }

// Take takes the lock and writes this process' pid into it. Held by another,
// it is refused and the other's pid named.
func Take(p Paths) (*Lock, error) {
	f, err := os.OpenFile(p.Lock(), os.O_RDWR|os.O_CREATE|syscall.O_CLOEXEC, 0o644)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		who, _ := io.ReadAll(io.LimitReader(f, 32))
		f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, Refuse("a cell runs on %s already (pid %s): use it, end it with `cairn down --data-dir %s`, or choose another --data-dir",
				p.Data, strings.TrimSpace(string(who)), p.Data)
		}
		return nil, fmt.Errorf("lock %s: %w", p.Lock(), err)
	}
	if err := f.Truncate(0); err != nil {
		f.Close()
		return nil, err
	}
	_, err = f.WriteAt([]byte(fmt.Sprintf("%d\n", os.Getpid())), 0)
	return &Lock{f}, err
}

// Release lets the next one take it.
func (l *Lock) Release() error { return l.f.Close() }
