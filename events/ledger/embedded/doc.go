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
// and a second sync would lie. A full disk gives ledger.ErrFull, appends
// nothing, and the log goes on when there is room. Ledger time is the clock at
// append, made monotone, also across restarts.
//
// What it can't tell: bit rot in the very last group after a crash from a torn
// write (it is cut, and kept in "torn"); after a clean Close it can, since the
// file "clean" holds the true end.
//
// One goroutine, the committer, belongs to an open Log and ends with Close.
//
// DESIGN.md beside this file gives the format. Read first: layout.go, then
// TestTornTailIsCutAndDamageIsRefused.
package embedded
