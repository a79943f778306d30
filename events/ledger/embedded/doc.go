// Package embedded is the ledger of one machine: segment files in a folder.
//
// In and out: as package ledger says. One process writes (a lock on the folder
// sees to it, and names the other process); any number may read along with
// OpenReadOnly, while it runs or when it is stopped.
//
// Promises: an acknowledged record survives kill -9 and power loss (fdatasync
// before the acknowledgement, one group of callers per sync). A torn tail, the
// end of a group that was never acknowledged, is cut off at the next Open and
// kept in the file "torn"; damage anywhere else is refused as *ledger.Damage
// with file and byte, never skipped. After a failed sync nothing is
// appended any more (ledger.ErrFailed): what the kernel then holds is not known,
// and a second sync would lie. So the next Open writes the last group once more
// before it serves it. A full disk gives ledger.ErrFull, appends
// nothing, and the log goes on when there is room. Ledger time is the clock at
// append, made monotone, also across restarts.
//
// What it can't tell: bit rot in the very last group after a crash from a torn
// write (it is cut, and kept in "torn"); after a clean Close it can, since the
// file "clean" holds the true end.
//
// What waits to be appended is bounded by bytes and by count (package group); a
// Fetch holds about what it was asked for, and a group at least.
//
// One goroutine, the committer, belongs to an open Log and ends with Close.
//
// Read first: DESIGN.md beside this file, which gives the format, then layout.go
// and TestTornTailIsCutAndDamageIsRefused in damage_test.go.
package embedded
