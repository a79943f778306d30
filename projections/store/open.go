package store

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"strings"
	"sync/atomic"

	"cairn/events"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// format is the number of the layout that this binary reads and writes.
const format = 2

const formatFile = "CAIRN-VIEW"

// Options for Open; the zero value will do.
type Options struct {
	Incarnation   string      // of the cell expected; empty: any
	Disk          *Disk       // nil: the real one
	MemtableBytes int         // 0: 16 MiB; tests force small ones
	CacheBytes    int         // of decoded objects; 0: 64 MiB
	ManifestEvery int         // births of a kind between manifests, at least; 0: 4096
	SnapshotEvery int         // records between snapshots of the fold's rows; 0: 65,536
	Fatal         func(error) // a background failure; nil: panic
	Log           *slog.Logger
	readOnly      bool
}

// Store is a view on disk. Nothing in memory grows with what lives in it.
type Store struct {
	db        *pebble.DB
	dir       string
	every     int
	snapshots events.Offset
	readOnly  bool
	tip       atomic.Pointer[tip]
	cache     *cache
	waits     waits
	tally     map[string]*tally // Commit's
	series    seriesCache       // Commit's
	resumes   resumes
}

// Open opens the store in dir, or makes an empty one. Errors say what to do: a
// store of a newer format, of another cell, in use, or damaged.
func Open(dir string, o Options) (*Store, error) {
	if o.Disk == nil {
		o.Disk = RealDisk()
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Fatal == nil {
		o.Fatal = func(err error) {
			panic(fmt.Sprintf("store %s: %v; free the disk or remove %s: it is rebuilt from the ledger", dir, err, dir))
		}
	}
	if err := checkFormat(o.Disk.fs, dir, o.readOnly); err != nil {
		return nil, err
	}
	opts := pebbleOptions(dir, o)
	defer opts.Cache.Unref()
	db, err := pebble.Open(dir, opts)
	if err != nil {
		return nil, openError(dir, err)
	}
	s := &Store{db: db, dir: dir, every: or(o.ManifestEvery, 4096), snapshots: events.Offset(or(o.SnapshotEvery, 1<<16)),
		readOnly: o.readOnly, cache: newCache(or(o.CacheBytes, 64<<20)), tally: map[string]*tally{}}
	if err := s.load(o.Incarnation); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return s, nil
}

// OpenReadOnly opens a store that nothing else has open, to read it as it is.
func OpenReadOnly(dir string, o Options) (*Store, error) {
	o.readOnly = true
	return Open(dir, o)
}

// Flush makes all commits so far durable. A crash before it loses nothing but
// the time to fold again.
func (s *Store) Flush() error { return s.db.Flush() }

// Close flushes and closes. No read may be under way.
func (s *Store) Close() error {
	var err error
	if !s.readOnly {
		err = s.db.Flush()
	}
	return errors.Join(err, s.db.Close())
}

func or(n, standard int) int {
	if n == 0 {
		return standard
	}
	return n
}

func pebbleOptions(dir string, o Options) *pebble.Options {
	opts := &pebble.Options{
		FS:                 o.Disk.fs,
		Cache:              pebble.NewCache(64 << 20), // of blocks, less what memtables take
		Comparer:           comparer,
		DisableWAL:         true,
		FormatMajorVersion: pebble.FormatNewest,
		MemTableSize:       uint64(or(o.MemtableBytes, 16<<20)),
		Logger:             quiet{o.Log.With("store", dir)},
		ReadOnly:           o.readOnly,
		EventListener: &pebble.EventListener{BackgroundError: func(err error) {
			o.Fatal(fmt.Errorf("writing in the background failed: %w", err))
		}},
	}
	for i := range opts.Levels {
		opts.Levels[i].FilterPolicy = bloom.FilterPolicy(10)
	}
	return opts
}

func openError(dir string, err error) error {
	if strings.Contains(err.Error(), "lock") || strings.Contains(err.Error(), "temporarily unavailable") {
		return fmt.Errorf("the view in %s is in use by another process: stop that cell first, or give this one another data directory: %w", dir, err)
	}
	return fmt.Errorf("the view in %s can't be opened: remove that directory and it is rebuilt from the ledger: %w", dir, err)
}

// checkFormat reads the format file, or writes it into an empty directory.
func checkFormat(fs vfs.FS, dir string, readOnly bool) error {
	name := fs.PathJoin(dir, formatFile)
	f, err := fs.Open(name)
	if err == nil {
		b, err := io.ReadAll(f)
		f.Close()
		n, err2 := strconv.Atoi(strings.TrimSpace(string(b)))
		switch {
		case err != nil || err2 != nil:
			return fmt.Errorf("%s is no format number: remove %s and the view is rebuilt from the ledger", name, dir)
		case n > format:
			return fmt.Errorf("the view in %s has format %d and this binary knows %d: use the newer binary, or remove that directory and it is rebuilt from the ledger", dir, n, format)
		case n < format:
			return fmt.Errorf("the view in %s has the old format %d: remove that directory and it is rebuilt from the ledger", dir, n)
		}
		return nil
	}
	if entries, err := fs.List(dir); readOnly || (err == nil && len(entries) > 0) {
		return fmt.Errorf("%s holds no view: name the directory of a cell's view, or an empty one", dir)
	}
	return writeFormat(fs, dir, name)
}

func writeFormat(fs vfs.FS, dir, name string) error {
	if err := fs.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("the view's directory can't be made: %w", err)
	}
	f, err := fs.Create(name+".new", "cairn-view")
	if err != nil {
		return fmt.Errorf("the view's directory can't be written: %w", err)
	}
	_, err = fmt.Fprintf(f, "%d\n", format)
	if err = errors.Join(err, f.Sync(), f.Close(), fs.Rename(name+".new", name)); err != nil {
		return fmt.Errorf("writing %s: %w", name, err)
	}
	d, err := fs.OpenDir(dir)
	if err != nil {
		return fmt.Errorf("writing %s: %w", name, err)
	}
	return errors.Join(d.Sync(), d.Close())
}

// quiet passes on what goes wrong, not what goes on.
type quiet struct{ log *slog.Logger }

func (quiet) Infof(string, ...any) {}
func (q quiet) Errorf(format string, args ...any) {
	q.log.Error("pebble: " + fmt.Sprintf(format, args...))
}
func (q quiet) Fatalf(format string, args ...any) {
	panic("pebble: " + fmt.Sprintf(format, args...))
}
