// Package ledgertest is the suite that every ledger driver passes, and a ledger
// that misbehaves on purpose.
//
// In: a function that opens an empty ledger (Run), or one that opens the same
// ledger again and again (RunReopen). Out: test failures in words. Faulty wraps
// any ledger for other packages' crash tests: lost and failed appends, lost
// acknowledgements, late and doubled deliveries, all from a seed.
//
// Promises: the suite asks for nothing that package ledger does not promise;
// it waits for conditions, never for time to pass; it closes what it opened.
// Faulty never breaks the contract's own rules: what it acknowledged is there,
// and what may or may not be there is ErrUnknown.
//
// Goroutines belong to the test that runs. Package kafkatest beside it starts a
// real Kafka broker for a test process, and powertest cuts a disk's power.
//
// Read first: suite.go, then faulty.go.
package ledgertest
