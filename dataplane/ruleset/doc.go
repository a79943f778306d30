// Package ruleset says, as a plain value, what the kernel shall do with
// packets for services: which rules, which maps, which elements.
//
// In: a Config (this node's addresses and ranges) and the cell's Services.
// Out: a Ruleset. Package nft writes it to the kernel, package trace sends
// imaginary packets through it, Words prints it for a person, and Diff says
// which elements change between two of them.
//
// The idea: a constant number of rules, and everything that depends on
// services is an element of a map. A connection to a service address is looked
// up in vips, which yields a mark: how many endpoints there are and how long a
// client sticks to one. The mark picks one of a handful of chains (one per
// distinct mark); that chain picks a slot at random and looks the endpoint up by
// (address, protocol, port, slot). vips holds a mark and no chain, because
// adding to a large map of verdicts costs time in proportion to its size.
//
// Slot 0 is looked up again if the slot picked is empty: a packet may read
// the old count and then the new endpoints, as nothing makes two lookups of
// one packet see the same moment.
//
// Promises: equal input gives an equal value, in whatever order the services
// come; applying Diff(a, b) to the elements of a gives those of b.
//
// Pure: no goroutine, no I/O, no clock.
//
// Read first: testdata/a-service-with-two-endpoints.
package ruleset
