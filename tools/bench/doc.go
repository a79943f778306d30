// Command bench measures a few things as they are, and prints each as one line
// of JSON: what, how it was loaded, and the figures. It judges nothing and
// fails only where something does not work.
//
// In: bin/cairn (or -cairn PATH), root. Out: JSON lines on standard output.
//
//	ledger.append    embedded ledger, 400-byte records, by 1 and by 64 callers
//	fold.commit      records folded and committed to a view, a memory ledger
//	view.get         one object now, and as of a random moment
//	api.create       ConfigMaps created over TLS by 16 clients of a whole cell
//	pod.start        from the placement to the report that it runs
//	service.change   from the record of a new Service to its address answering
//
// The last three start a real cell, in a network namespace of its own, and end
// it. Folders are temporary. Each measure owns its goroutines.
//
// Read first: main.go.
package main
