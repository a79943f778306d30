// Package namespaces gives namespaces that live their defaults and empties
// those that end.
//
// In: namespaces, all objects in them. Out: the service account "default" and
// the config map "kube-root-ca.crt" in each active namespace; for a namespace
// that is being deleted, the deletion of everything in it and then its end.
//
// Promises: what makes other objects goes first, so that little is made anew
// (the API refuses that anyway while a namespace ends). An object that waits
// for a finalizer or its node is not asked twice. A namespace is finalized only
// once nothing shows in it; the fold refuses to remove it while something is
// left, whoever asks. What the fold renders (endpoints, Events)
// goes by itself.
//
// Pure.
//
// Read first: testdata/a-namespace-is-emptied-and-then-ends.
package namespaces
