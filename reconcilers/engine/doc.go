// Package engine runs reconcilers: it keeps a picture of the cell, asks each
// reconciler what should be done about what changed, and does it.
//
// In: a follower.Cell (a list at one position, then every result after it),
// the API server in process (Requests), reconcilers.
// Out: requests under the reconciler's own identity; records (placements,
// health) in batches; Status and Graph for people.
//
// Promises: a key is never stepped while its last plan is under way, nor before
// the picture holds what that plan wrote. Changes of a key while it waits are
// looked at once. Intents of a plan go out in order; alike ones next to each
// other in batches of 1, 2, 4, ...; the first refusal ends the plan and the key
// is looked at again after a pause that doubles up to a limit: short when
// somebody was faster (conflicts are normal, engines are never alone), longer
// when refused. What falls due is looked at then, and becomes a record.
// A start, or a subscription that fell behind, looks at everything once.
//
// Goroutines: Run's loop owns picture and queue; one goroutine per plan under
// way, at most Workers requests at once; all end before Run returns.
//
// Read first: engine.go, then testdata in the packages beside this one.
package engine
