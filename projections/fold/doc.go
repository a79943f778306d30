// Package fold is the pure function that decides: it applies a ledger's
// records in order and says of each whether it is accepted or refused, and
// what changes. Every replica that folds the same records reaches the same
// state, outcomes and digests, without a leader or a lock.
//
// In: records as events, with their offset and ledger time. Out: Results.
//
// Promises: no clock, randomness, I/O, goroutine, float, regexp, reflection, order
// of a map, or Kubernetes type. Checks come before effects: a refused record
// changes nothing. A panic is a bug: the follower stops, and the fixed binary
// lists the record's id in Faulted, so that it folds to `refused: fault` in
// every replica.
//
// No prose: outcomes and Kubernetes' Events are codes with arguments, for the
// digests cover them; projections/message makes the sentences.
//
// What a record must satisfy, whatever its writer said:
//
//	any            id new within W, base not more than W back, type and facts defined by the active gate
//	created        namespace active, name free, claimed addresses and ports free
//	updated        the last written revision and the uid are those it names
//	deleted        the same; no finalizer, unless its deletion was asked for; of a namespace: nothing left in it
//	placed         pod unplaced, not deleting; node at that registration; projections/fit finds that it fits
//	reported       same uid, epoch and node registration; sandbox not gone
//	activated      the gate is above the active one, and every registered server knows it
//
// What is a function of other state comes out here and costs no record: pod
// addresses, node ranges, cluster IPs, node ports, endpoints, counts, Events.
//
// What grows with what: a record costs what it changes. A pod's change costs
// one slice of each service that selects it (MaxSlice backends) and one count;
// only a service's own change costs its pods, and a lost node its own. Memory
// grows with live objects, the ids of the last W records, and claims. Its rows,
// when asked for, are those that changed since; objects and ids have none, as
// a view has both (stored.go).
//
// Read first: apply.go, then testdata/scenarios/a-pod-from-creation-to-removal.
package fold
