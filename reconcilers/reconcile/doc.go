// Package reconcile is what reconcilers are given and what they hand back: a
// cache of the cell, a key to look at, and a plan of intents.
//
// In: objects of a view and the results of the fold, in ledger order.
// Out: a Cache, indexed as reconcilers ask for it; Plans, made by them.
//
// A reconciler compares what is desired with what is there, for one key, and
// plans what should be done. It does nothing itself: the engine alone acts.
// A plan is a function of its Input: the same input gives the same plan, in
// the same order.
//
// What grows with what: a Cache holds the kinds that some reconciler reads,
// without bodies, and of other kinds only objects that name owners or wait for
// their dependents, without the rest of their facts. A hundred thousand plain
// config maps cost it nothing. One change costs the same however many objects
// there are; a List, Owned or OnNode costs what it returns.
//
// Promises: lists come ordered by ref. Objects in a cache are shared and never
// changed in place. Nobody sees half a record.
//
// Pure: one goroutine owns a Cache; no clock, randomness, I/O.
//
// Read first: reconcile.go, cache.go; then replicas' scenarios.
package reconcile
