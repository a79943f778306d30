// Package view is what readers of a cell's derived state ask and are told:
// objects at any revision, lists, changes, records, moments.
//
// In: nothing; it is a contract with its value types. Out: Reads, which
// projections/store implements in Pebble and projections/follower serves.
//
// Promises: answers are as of whole records; an object read at a revision
// reads the same for ever; Changes come in the ledger's order, and its second
// answer says how far it is complete; offsets and ledger times grow together.
// Staleness: a view shows what it has folded. Who needs all that was
// acknowledged asks follower.Cell.ReadPoint first.
//
// Values are shared between readers: nobody changes an Object. Pure.
//
// Read first: view.go, then projections/store/testdata.
package view
