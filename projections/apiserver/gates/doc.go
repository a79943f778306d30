// Package gates keeps on record which servers a cell has and up to which gate
// each knows, says what holds an activation up, and activates.
//
// In: a storage.Engine, this server's name and version. Out: the records
// server.registered and server.left of this server; a handler for Path.
//
// Promises: a server that starts again as it was writes nothing. GET changes
// nothing and tells which servers hold a gate up; POST appends fold.activated,
// and the fold alone decides: it is refused while a registered server that has
// not left does not know the gate. A server that died without leaving holds a
// gate up until it is back or somebody records that it left.
//
// Who may do either is the API server's to decide: get or post on Path.
//
// No goroutine. Read first: gates_test.go.
package gates
