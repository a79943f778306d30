// Package powertest gives tests a disk whose power can be cut.
//
// In: a size. Out: a folder on an ext4 of the test's own, in a file on a loop
// device. Cut ends it as a loss of power would: what was synced is there after
// Restore, and what only stood in the page cache is not (ext4's shutdown ioctl,
// without a flush of the journal; the file systems' own crash tests use it).
//
// What it can't show: torn sectors, a disk that lies about its cache, and a
// sync that fails; package embedded's tests have a model for those.
//
// Promises: file, mount and loop device go with the test. It needs root,
// mkfs.ext4 and a kernel with loop devices.
//
// No goroutine. Read first: TestWhatWasNotSyncedIsLostWithThePower.
package powertest
