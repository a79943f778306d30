// Package steptest is the world that reconcilers' scenarios play in: the real
// fold, a small API server that stores Kubernetes' objects with their facts, and
// nodes that do as they are told.
//
// In: scenario files (cockroachdb/datadriven), reconcilers. Out: the plans they
// make, as text; what the world looks like afterwards.
//
// A scenario's commands: nodes, apply (YAML, as alice), delete, run (every node
// starts and ends what it is told to), report, silence, pass (time), refuse (the
// API refuses a verb on a kind), step (print a plan), act (print and do it),
// settle (all reconcilers until nothing is left to do), show.
//
// Promises: the same scenario gives the same text; time is the scenario's own.
// A World is a follower.Cell, so the engine runs on it as on a real cell.
//
// Goroutines: one per subscription, until its context ends.
package steptest
