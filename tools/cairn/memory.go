package main

import "runtime/debug"

// gcPercent is how much the heap may grow between collections, in per cent of
// what lived: what lives for good (OpenAPI, the fold, the view's cache) is most.
const gcPercent = 50

// ballastBytes are half of what a server may always allocate between two
// collections: a small heap would else be collected every few hundred requests,
// each time all that lives for good is gone through, and that was a sixth of the
// CPU of a create.
const ballastBytes = 64 << 20

// ballast is never touched, so it takes no memory; the collector takes it for
// heap that lives.
var ballast []byte

func tuneCollector() {
	debug.SetGCPercent(gcPercent)
	ballast = make([]byte, ballastBytes)
}
