// Package nodeapi is the side of the server that node daemons speak to, under
// /cairn/v1/nodes/NODE (contract: events/feed).
//
// In: requests authenticated by a node's certificate. Out: registrations and
// reports as records; the feeds' streams, which one hub derives for all nodes
// (projections/feeds/hub); bundles from the view; who was heard from and when.
//
// Promises: a node reads and writes only under its own name. A bundle is given
// only for a pod that is placed there, with that uid; secrets are in no log.
// Its pod is as of the assignment's revision, all else as of one moment that it
// names. A report resent with the same id folds once. Heartbeats are no records,
// and cost a look into a map. Silence counts only time in which this server was
// itself connected.
//
// Streams live as long as their request or the server; they start no goroutine
// that outlives them. One that takes nothing for half a minute is ended.
//
// Read first: handler.go, then TestAPodFromBindingToItsEnd in serve.
package nodeapi
