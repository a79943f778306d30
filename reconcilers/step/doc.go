// Package step is what reconcilers are given and what they hand back: a
// picture of the cell, a key to look at, and a plan of intents.
//
// In: objects of a view and the results of the fold, in ledger order.
// Out: a Picture, indexed as reconcilers ask for it; Plans, made by them.
//
// A reconciler compares what is wanted with what is there, for one key, and
// plans what should be done. It does nothing itself: the engine alone acts.
// Its step is a function of its Input: the same input gives the same plan, in
// the same order.
//
// Promises: lists come ordered by ref. Objects in a picture are shared and
// never changed in place. A step sees no half of a record.
//
// Pure: one goroutine owns a Picture; no clock, dice, I/O.
//
// Read first: step.go, then replicas' scenarios.
package step
