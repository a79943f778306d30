// Command peers measures cairn beside kube-apiserver and etcd: all on this
// machine, in one run, in turns (A B A B), so that what else the machine does
// falls on both. Its figures are ratios; it judges nothing.
//
// In: bin/cairn (or -cairn PATH), and the Go module proxy, from which it builds
// the peers once into -dir (first time: minutes of CPU). Out: JSON lines: what,
// under which load, each peer's figures, and cairn's as a ratio to the other's.
// Below 1 is less: good for times, bytes and CPU, bad for rates.
//
//	create     1 KiB ConfigMaps by 1, 16 and 64 clients: rate, p50, p99, server CPU each
//	watch      from the call of a create to its event at a watcher
//	fill       until -objects are there: the rate at first and at the end
//	rss        of the servers with them, at rest
//	list       all of them in one unpaged answer: time and the servers' peak RSS
//	inform     -informers WatchLists of -informed objects, all at once
//	restart    kill -9 of all a peer's processes, until it answers ready
//
// "others" is the share of the CPUs that neither server nor this program used
// during a measure: above a few hundredths the machine was not ours alone.
//
// Servers listen on loopback at ports of their own, with temporary folders, and
// are ended by pid. Root is not needed. Goroutines: one for each client of a measure.
//
// Read first: main.go, then turns.go.
package main
