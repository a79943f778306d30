// Package servertest is what a server of the cell is to one node, in memory.
//
// In: pods placed, changed and deleted by a test; a node daemon's calls. Out:
// the feeds, with marks; the reports in the order in which they came.
//
// It answers reports as the fold does: those of an older registration, or of a
// sandbox whose end was reported, are fenced; the end of a deleted pod's
// sandbox takes it out of the feed, that of a completed pod's leaves it there,
// finished, until it is deleted.
//
// Promises: an entry that was emitted is seen by every stream, in order. A
// stream that begins gets what stands, then a mark, unless Silent.
//
// Goroutines: none. A Server may be used from several.
//
// Read first: server.go, then daemon's TestATokenIsRenewedBeforeItEnds.
package servertest
