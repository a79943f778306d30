// Package serve puts the API server together: upstream's generic server, our
// storage, authentication, authorization, admission, registries, the past and
// the nodes' side, behind TLS.
//
// In: a follower.Cell, a key ring, the cell's authority, an address.
// Out: a running Server; Do, the way in for reconcilers in the same process.
//
// A request passes: edge (address, agent) -> moment (/@WHEN) -> request info ->
// authentication -> impersonation -> the past's guard -> count of refusals ->
// authorization -> upstream's handlers -> admission -> storage -> ledger.
//
// Promises: ready within two seconds; what every cell has (namespaces, roles,
// the kubernetes service) is created at start, each once, by the server itself;
// that it runs, up to which gate it knows and that it ended is on record.
// A server keeps no state of its own that must last: any number of them serve
// one cell. Each bounds by itself what one user may append (Config.Budget).
//
// Goroutines: the listener's, upstream's start hooks, those of storage and
// tally. Close ends them all.
//
// Read first: start.go, then chain.go; writes_test.go and reads_test.go are what
// clients see.
package serve
