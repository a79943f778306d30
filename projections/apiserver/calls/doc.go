// Package calls carries what is known of one API request, beside its user,
// from the server's edge to the record it becomes: the client's address and
// agent, the causes and reason that an engine gave, the moment that is read.
//
// In: values set by serve (from the connection, never from a header that
// claims an identity), past and the in-process path of reconcilers.
// Out: events.Actor, and the moment for storage.
//
// Promises: a context without a Call belongs to the server itself. Only
// in-process callers can set Causes, Reason and Trusted: context values do not
// travel over a connection.
//
// Pure: values and contexts only; the fields that storage sets on the way are
// atomic.
package calls
