// Package downward is what a pod may know of itself: the values of fieldRef and
// resourceFieldRef, for environment variables and for files.
//
// In: the pod, its container, and what the node offers (for limits that are
// not set). Out: text, as Kubernetes writes it. A field that does not exist is
// an error that names those that do.
//
// Pure.
//
// Read first: TestFields.
package downward
