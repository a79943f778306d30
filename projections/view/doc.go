// Package view is what readers of a cell's derived state ask, and the values
// they get: objects at any revision, lists, changes, records, moments.
//
// In: nothing; it is a contract with its value types. Out: small interfaces by
// use (reads.go), and Reads, their union, which projections/store implements in
// Pebble and projections/follower serves.
//
// Promises: answers are as of whole records; an object read at a revision
// reads the same for ever; Changes come in the ledger's order, and its second
// answer says how far it is complete; offsets and ledger times grow together.
// Staleness: a view shows what it has folded. Who needs all that was
// acknowledged asks follower.Cell.ReadPoint first.
//
// Events are objects of their own sort (event.go): a series counted up, without
// facts or body, which ends with age or its namespace.
//
// Values are shared between readers: nobody changes an Object. Pure.
//
// Read first: reads.go and view.go, then projections/store/doc.go.
package view
