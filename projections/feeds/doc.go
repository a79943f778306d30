// Package feeds derives what node daemons follow, assignments and VIPs, from
// objects of a view, and streams it from a cell.
//
// In: pods, services, endpoints and their changes. Out: feed.AssignmentEntry
// and feed.VIPEntry values: what there is, a mark, what changes, marks.
//
// Assignment, VIP and the two tables (Pods, Services) are pure: the same
// objects give the same entries, whoever derives them. That is what lets several
// emitters write one topic and repair each other's work.
//
// Promises: an entry carries the offset of the newest change that it derives
// from. A mark is emitted only after every entry up to its offset. A change
// that alters nothing for the node (a report, a label of another pod) emits
// nothing. A pod that was removed, stopped or placed elsewhere is emitted as gone.
//
// Goroutines: Follow and FollowVIPs run on their caller's until its context
// ends, and end the one they start.
//
// Read first: testdata/a-pod-is-assigned-once-and-gone-when-it-stopped.
package feeds
