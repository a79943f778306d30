// Package nft keeps one table of the kernel's nftables equal to a
// ruleset.Ruleset.
//
// In: rulesets. Out: the table cairn-CELL in the network namespace of the
// calling process. No other table is read or touched.
//
// Promises: Apply is one transaction, so no packet sees half of it; a change
// sends only the elements that differ; a table that was tampered with, or left
// by an earlier process, is brought to the ruleset by flushing and refilling
// its sets where its chains are whole (no connection is lost), else by making
// it anew, in one transaction as well. Verify costs one small message unless
// somebody's ruleset has changed since: the kernel counts transactions.
// Connections over UDP that still point to an endpoint that is gone, or that
// passed undirected while the table was missing, are forgotten in conntrack
// after the transaction.
//
// The register layout of every balancing rule (32-bit registers):
//
//	r0 client   r1 address   r2 protocol   r3 port   r4 slot, then endpoint
//	                                                 address   r5 its port
//
// so that (r0..r3) is a key of sticky, (r1..r4) of endpoints, (r1..r5) of
// live, (r1..r3) of vips, and (r2..r3) of nodeports, whose data replaces
// r1..r3. Each rule loads what it reads: newer kernels refuse a rule that
// reads a register it did not load.
//
// A Table is not for concurrent use; it starts no goroutine.
//
// Read first: table.go, then the packets of TestKernelAgreesWithTrace.
package nft
