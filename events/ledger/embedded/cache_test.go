package embedded_test

import (
	"bytes"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"cairn/events/ledger/embedded"
)

const pageBytes = 512 // small, so that batches share pages and span them

// cache is the page cache between a log and its disk, as Linux has it: what was
// written can be read at once, and is on the disk after a sync. A sync that
// fails says so once, and then the pages count as clean though they never got
// to the disk: the next sync succeeds and writes nothing. They can be read
// until they are evicted or the power is lost.
//
// A folder's entries are treated alike. A file's size is not: it is the
// journal's, which keeps it until it is written.
type cache struct {
	t      *testing.T
	random *rand.Rand
	fails  func(op embedded.Op) bool // whether the next operation does
	failed int
	files  map[string]*inode // by path, as the processes see them
	disk   map[string]*inode // by path, after the power is back
	names  map[string]bool   // entries that a sync of the folder would write
}

type inode struct {
	bytes []byte // on the disk
	dirty map[int64]bool
}

func newCache(t *testing.T, seed uint64) *cache {
	return &cache{t: t, random: rand.New(rand.NewPCG(seed, 77)), fails: func(embedded.Op) bool { return false },
		files: map[string]*inode{}, disk: map[string]*inode{}, names: map[string]bool{}}
}

// fault is asked before each operation, so it sees the files as they were.
func (c *cache) fault(op embedded.Op, path string, at int64, size int) (int, error) {
	var err error
	if op == embedded.OpWrite || op == embedded.OpSync {
		path = now(path)
	}
	if c.fails(op) {
		c.failed++
		err = syscall.EIO
	}
	switch op {
	case embedded.OpSync:
		c.sync(path, err == nil)
	case embedded.OpSyncDir:
		c.syncDir(err == nil)
	}
	if err != nil {
		return 0, err
	}
	switch op {
	case embedded.OpCreate:
		c.files[path], c.names[path] = &inode{dirty: map[int64]bool{}}, true
	case embedded.OpWrite:
		for p := at / pageBytes; p*pageBytes < at+int64(size); p++ {
			c.files[path].dirty[p] = true
		}
	case embedded.OpRename:
		c.files[path] = c.files[path+".tmp"]
		delete(c.files, path+".tmp")
		c.names[path], c.names[path+".tmp"] = true, true
	case embedded.OpRemove:
		delete(c.files, path)
		c.names[path] = true
	}
	return 0, nil
}

// sync writes the file's dirty pages, or some of them if it fails; either way
// none is dirty afterwards.
func (c *cache) sync(path string, ok bool) {
	f := c.files[path]
	b := c.read(path)
	f.bytes = append(f.bytes, make([]byte, max(0, len(b)-len(f.bytes)))...)[:len(b)]
	for _, p := range slices.Sorted(maps.Keys(f.dirty)) {
		if from := p * pageBytes; from < int64(len(b)) && (ok || c.random.IntN(3) == 0) {
			copy(f.bytes[from:min(from+pageBytes, int64(len(b)))], b[from:])
		}
	}
	clear(f.dirty)
}

func (c *cache) syncDir(ok bool) {
	if ok {
		for _, name := range paths(c.names) {
			c.write(name)
		}
	}
	clear(c.names)
}

// write puts a name of the folder on the disk.
func (c *cache) write(name string) {
	if f := c.files[name]; f != nil {
		c.disk[name] = f
	} else {
		delete(c.disk, name)
	}
}

// die is what a process's death changes: nothing but that the kernel goes on,
// and may fail to write what was not synced, with nobody left to be told.
func (c *cache) die() {
	for _, path := range paths(c.files) {
		if len(c.files[path].dirty) > 0 && c.random.IntN(2) == 0 {
			c.sync(path, false)
		}
	}
}

// evict drops pages that count as clean: what is read next is what the disk has.
func (c *cache) evict() {
	for _, path := range paths(c.files) {
		f, b := c.files[path], c.read(path)
		for from := int64(0); from < int64(len(b)); from += pageBytes {
			page := b[from:min(from+pageBytes, int64(len(b)))]
			if f.dirty[from/pageBytes] || c.random.IntN(2) == 0 {
				continue
			}
			clear(page)
			if from < int64(len(f.bytes)) {
				copy(page, f.bytes[from:])
			}
		}
		if err := os.WriteFile(path, b, 0o600); err != nil {
			c.t.Fatal(err)
		}
	}
}

// loseThePower returns a folder with what was on the disk. Of what was not
// synced, some got there.
func (c *cache) loseThePower() string {
	c.die()
	for _, name := range paths(c.names) {
		if c.random.IntN(2) == 0 {
			c.write(name)
		}
	}
	dir := c.t.TempDir()
	for path, f := range c.disk {
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(path)), f.bytes, 0o600); err != nil {
			c.t.Fatal(err)
		}
	}
	return dir
}

func (c *cache) read(path string) []byte {
	b, err := os.ReadFile(path)
	if err != nil {
		c.t.Fatal(err)
	}
	return bytes.Clone(b)
}

// paths gives a map's keys in order: the randomness is the seed's alone.
func paths[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// now is where a file is that was opened as path: a new segment gets its name
// while it is open.
func now(path string) string {
	if _, err := os.Stat(path); err != nil {
		return strings.TrimSuffix(path, ".tmp")
	}
	return path
}
