// Package memory is the ledger of tests and of the simulation: a slice under a
// mutex.
//
// In and out: as package ledger says. It is as durable as its process; Reopen
// hands the same records to a new Log, as a crash and a restart would.
//
// It starts no goroutine and reads no clock but the one given, so a simulation
// stays a function of its seed. Ledger time is that clock made monotone.
//
// Read first: ledgertest/suite.go, which it passes.
package memory
