// Package tidy keeps the house rules as tests, so that nobody has to remember
// them in a review: who may import whom, one owner per prescribed dependency,
// pure cores, a doc.go in each package, banned names and words, no trace of the
// machine something was written on, gofmt, and sizes that can only shrink.
//
// In: the checkout's files, read with go/parser; nothing is compiled or linked,
// so it takes about a second. Out: for each broken rule a line that names the
// file, what is wrong, and what to do.
//
// Promises: the rules see test files too, except where a rule says otherwise;
// a file that does not parse is an error, never passed over. Each rule is a
// function of a Tree and is itself tested on a small tree that breaks it.
//
// Sizes are a ratchet: goals.go has the goals, sizes.txt what is tolerated
// today. `go test ./tools/tidy -run Sizes -rewrite` writes today's numbers;
// the diff is reviewed like code, and a number that grew wants a reason in the
// commit.
//
// Goroutines: none.
//
// Read first: TestTheCheckout in checkout_test.go.
package tidy
