// Package trace sends imaginary packets through a ruleset and says what
// becomes of them, without a kernel.
//
// In: a ruleset.Ruleset and a Packet: addresses, protocol, whether this
// machine made it, and the random number it would draw. Out: a Result: redirected to
// which endpoint, rejected, dropped or passed; from which source; over which
// link; and the rules on its way, by their reasons.
//
// It interprets the same rules that package nft translates for the kernel,
// with the routes of package podnet assumed (own pods over their links, the
// service range into the portless bridge, peers over the shared link, the rest
// of the pod range nowhere), or with the routes lost.
//
// What it cannot say: it knows one connection's first packet only, no TCP
// state and no time. A Tracer remembers sticky clients for ever. A test in
// package nft sends the same packets through a real kernel and compares.
//
// Pure: no goroutine, no I/O, no clock, no randomness of its own.
//
// Read first: testdata/who-may-reach-what.
package trace
