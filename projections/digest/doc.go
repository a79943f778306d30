// Package digest turns the fold's results into the two hashes by which
// replicas, replays and snapshots are compared.
//
// In: fold.Results in order. Out: a chain after each, a view.Position after
// each Settle.
//
// The chain is a hash over outcomes and changes in the ledger's order: two
// replicas that differ, differ from the first differing record on, so halving
// finds it. The state digest is an order-free set hash over live objects
// (LtHash16): adding and removing one object costs the same however many live,
// and a snapshot can be checked without the ledger before it. Both cover the
// fold's output, never a rendered object or a sentence; Events are in the chain
// alone.
//
// The set hash is the sum modulo 2^16, lane by lane, of an element of 1024
// lanes per live object: AES-256-CTR's key stream from counter 0 under the key
// SHA-256(object), as the standard library has it: 1.4 us with the sum, where
// BLAKE2Xb takes 5.3, BLAKE3 3.4. Why two sets with one sum can't be found:
//
//   - Were elements random functions' values, a collision would be a short
//     vector of a random lattice (SIS; Bellare and Micciancio, EUROCRYPT 1997),
//     for 1024 lanes of 16 bits beyond 200 bits of work (Lewi et al., ePrint
//     2019/227, section 3); a generalised birthday needs more than 2^127 lists.
//   - The key is known to whoever knows the object, so AES is taken as an ideal
//     cipher, under each key a random permutation of its own. Its 128 blocks
//     never repeat, a random function's do with chance 2^-115. An attack that
//     computes q elements thus succeeds at most (1 + 2^-114)^q times as often
//     as on random ones: no help below q = 2^114.
//   - Two objects share a key with a collision of SHA-256. Related keys, where
//     AES-256 is weak, can't be chosen: each is a hash.
//
// Promises: equal results give equal digests, however they are cut into
// batches. The bytes hashed are frozen (golden_test.go). What grows: 250 bytes
// of memory for a live object; a change costs two elements at a Settle.
//
// Pure: no goroutine, no I/O. One goroutine at a time owns a Digest.
//
// Read first: digest.go, then set.go and golden_test.go.
package digest
