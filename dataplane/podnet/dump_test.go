package podnet_test

import (
	"errors"
	"testing"

	"github.com/vishvananda/netlink"

	"cairn/dataplane/podnet"
)

func TestAListThatWasInterruptedIsAskedForAgain(t *testing.T) {
	asked := 0
	list, err := podnet.Whole(func() ([]int, error) {
		if asked++; asked < 3 {
			return []int{1}, netlink.ErrDumpInterrupted
		}
		return []int{1, 2}, nil
	})
	if err != nil || len(list) != 2 || asked != 3 {
		t.Errorf("%v, %v after %d tries", list, err, asked)
	}
	broken := errors.New("broken")
	asked = 0
	if _, err := podnet.Whole(func() ([]int, error) { asked++; return nil, broken }); err != broken || asked != 1 {
		t.Errorf("another error: %v after %d tries", err, asked)
	}
}
