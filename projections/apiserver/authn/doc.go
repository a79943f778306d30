// Package authn tells who makes a request: by client certificate (a person, a
// node), by service account token, by being in process (a reconciler, the
// server itself), or nobody (system:anonymous).
//
// In: the cell's authority, its token key, an engine to look accounts up.
// Out: an authenticator.Request and a token generator, upstream's.
//
// Promises: no header names a user. A certificate counts only when the cell's
// authority signed it for client use; a token only while its service account,
// and the pod or secret it is bound to, live with the same uid. An in-process
// identity travels in the request's context, which no connection can set.
//
// No goroutine of its own.
package authn
