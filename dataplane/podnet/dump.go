package podnet

import (
	"errors"

	"github.com/vishvananda/netlink"
)

// dumpTries bounds how often a list is asked for again.
const dumpTries = 50

// Whole asks the kernel for a list until it comes in one piece: a link or
// route that comes or goes meanwhile interrupts it (NLM_F_DUMP_INTR), which
// happens whenever pods do.
func Whole[T any](list func() ([]T, error)) (all []T, err error) {
	for range dumpTries {
		if all, err = list(); !errors.Is(err, netlink.ErrDumpInterrupted) {
			break
		}
	}
	return all, err
}
