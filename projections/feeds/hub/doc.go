// Package hub streams a cell's feeds to any number of nodes: each change is
// derived once and encoded once, and all streams write the same bytes.
//
// In: a cell's results, in order. Out: frames of feed.AssignmentEntry and
// feed.VIPEntry for streams (Hub.Assignments, Hub.VIPs); entries that changed
// for those who write topics (Hub.Changes); which registration of a node is
// the current one, for heartbeats.
//
// The naive way is a follower per stream: 5,000 streams then hold 5,000 tables
// of all services, list all pods 5,000 times, and derive and encode each change
// 5,000 times. What grows with what, here:
//
//	memory       what lives (pods, services, slices, nodes, each as its encoded
//	             entry), once; per stream a goroutine
//	a record     what it changes, however many streams there are
//	an assignment  the streams of that node: one
//	a VIP change   one write of its bytes per stream; streams take what came
//	             meanwhile together, and rest the longer, the more they are
//	a stream's start  assignments: what is on that node. VIPs: what changed since
//	             the mark it goes on after; else a list that is made once and
//	             shared by all who start before it is old
//	a heartbeat  a look into a map
//
// Promises: a mark follows every entry up to its offset. A stream begins once
// the hub has folded the offset that it goes on after. What waits for a
// stream is bounded by bytes: changes of VIPs stand in one ring for all, and
// assignments in a queue of each stream; one that is behind ends with ErrBehind
// and starts anew. A subscription that ends (the hub itself was behind) ends
// all streams, and the hub derives everything anew.
//
// Goroutines: Run's caller's and the subscription's, which applies results;
// streams run on their callers'.
//
// Read first: hub.go, then TestANodeFollowsItsPodsOnARealCell.
package hub
