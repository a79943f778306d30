package store

import (
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

// A disk that takes no more must not hold up commits without a word.
func TestAFullDiskIsFatal(t *testing.T) {
	var full atomic.Bool
	noSpace := errors.New("no space left on device")
	disk := &Disk{errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(func(op errorfs.Op) error {
		if full.Load() && (op.Kind == errorfs.OpFileWrite || op.Kind == errorfs.OpCreate) {
			return noSpace
		}
		return nil
	}))}
	o := small(disk)
	fatal := make(chan error, 1)
	o.Fatal = func(err error) {
		full.Store(false) // as a person would, so that the test can end
		select {
		case fatal <- err:
		default:
		}
	}
	s := open(t, "v", o)
	defer s.Close()
	m := newModel(6)
	m.commit(t, s, 50)
	full.Store(true)
	go s.Flush()
	select {
	case err := <-fatal:
		if !strings.Contains(err.Error(), noSpace.Error()) {
			t.Fatal(err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("nobody was told")
	}
}
