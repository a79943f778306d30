package store

import (
	"math/rand/v2"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// Disk is where stores live. Tests and simulations use one in memory, whose
// crash loses what was not synced.
type Disk struct{ fs vfs.FS }

// RealDisk is the machine's own file system.
func RealDisk() *Disk { return &Disk{vfs.Default} }

// MemoryDisk is an empty disk in memory.
func MemoryDisk() *Disk { return &Disk{vfs.NewCrashableMem()} }

// Crash gives a memory disk as it may be found after a power cut now: all that
// was synced, and of the rest each block by chance (at random; nil: none). The
// disk it is called on stays as it is; what still runs on it is not disturbed.
func (d *Disk) Crash(random *rand.Rand) *Disk {
	cfg := vfs.CrashCloneCfg{}
	if random != nil {
		cfg = vfs.CrashCloneCfg{UnsyncedDataPercent: random.IntN(101), RNG: random}
	}
	return &Disk{d.fs.(*vfs.MemFS).CrashClone(cfg)}
}
