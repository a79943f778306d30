// Package engine runs reconcilers: it keeps a cache of the cell, asks each
// reconciler what should be done about what changed, and does it.
//
// In: a follower (a list at one position, then every result after it), the API
// server in process (Requests), reconcilers and cores.
// Out: requests under the reconciler's own identity; records (placements,
// health) in batches; Status and Graph for people.
//
// Promises: a key is never looked at while its last plan is under way, nor
// before the cache holds what that plan wrote. Changes of a key while it waits
// are looked at once. Intents of a plan go out in order; alike ones next to each
// other in batches of 1, 2, 4, ...; the first refusal ends the plan and the key
// is looked at again after a pause that doubles up to a limit: short when
// somebody was faster (conflicts are normal, engines are never alone), longer
// when refused. What falls due is looked at then, and becomes a record.
// A start, or a subscription that fell behind, looks at everything once.
// A core (the scheduler) has its own loop; nobody waits for it.
//
// What grows with what: the cache, with the objects that somebody reads (see
// package reconcile); the queue, with the keys that are not at rest, one entry
// and 16 triggers each; results not yet taken, up to 8 MiB a loop, then the
// follower's queue; plans under way, up to 64. What one change costs does not
// depend on how many objects are alike.
//
// Goroutines: Run's loop owns cache and queue, each core's loop its core; one
// goroutine per plan under way, at most Workers requests at once; all end
// before Run returns. A Stepper has none.
//
// Read first: controller.go, queue.go, engine.go; then the scenarios beside
// each reconciler, which tools/sim/worldtest plays.
package engine
