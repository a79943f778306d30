// Package fold is the pure function that decides: it applies a ledger's
// records in order and says of each whether it is accepted or refused, and
// what changes. Every replica that folds the same records reaches the same
// state, outcomes and digests, without a leader or a lock.
//
// In: records as events, with their offset and ledger time. Out: Results.
//
// Promises: no clock, dice, I/O, goroutine, float, regexp, reflection, order
// of a map, or Kubernetes type. Checks come before effects: a refused record
// changes nothing. A panic is a bug: the follower stops, and the mended binary
// lists the record's id in Faulted, so that it folds to `refused: fault` in
// every replica.
//
// What a record must satisfy, whatever its writer said:
//
//	any            id new within W, base not more than W back, type and facts defined by the active version
//	created        namespace active, name free, claimed addresses and ports free
//	updated        the last written revision and the uid are those it names
//	deleted        the same; no finalizer left; of a namespace: nothing left in it
//	placed         pod unplaced, not deleting, not done; node ready and schedulable at that registration; requests, pods and ports fit
//	reported       same uid, epoch and node registration
//
// What is a function of other state comes out here and costs no record: pod
// addresses, node ranges, cluster IPs, node ports, endpoints, counts, Events.
//
// Read first: apply.go, then testdata/a-pod-from-creation-to-removal.
package fold
