// Package porcupinetest checks that what clients were told of a few registers
// is linearizable: that each call could have happened at one moment between its
// beginning and its end (Herlihy and Wing, "Linearizability", 1990).
//
// In: servers that read, create, update and delete registers by name, over a
// ledger with faults (far.go), and a seed. Out: a History of what clients called at once and were answered, and a
// test failure that names the register, where the checker finds no such order.
// The search is anishathalye/porcupine's (after Lowe, "Testing for
// linearizability", 2017).
//
// A register is absent or holds a value; each call that writes has a value of
// its own, so that a read tells whose write it saw. A call whose outcome is not
// known stays open: it may take effect at any later moment, or never. A call
// that was answered with a definite no leaves no trace, and so a no that was
// none is found as soon as somebody reads what it wrote.
//
// Glances, reads that may be stale (resourceVersion=0), are no part of what is
// checked for order. What they promise is: a value comes with one revision,
// whoever is asked, and one client at one server never sees time go back.
//
// Goroutines: Load.Run starts one for each client, and ends them.
//
// Read first: register.go, then register_test.go.
package porcupinetest
