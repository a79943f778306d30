// Package garbage ends objects whose owners are gone, as Kubernetes' garbage
// collector does.
//
// In: all objects that name owners or wait for their dependents. Out: deletes,
// and patches that take away an owner or a finalizer.
//
// Background (the default): an object all of whose owners are gone is deleted;
// if some owners live, the others are taken off it. Foreground: an owner with
// the finalizer foregroundDeletion waits until no dependent that blocks it is
// left. Orphan: with the finalizer orphan, it is first taken off its dependents.
//
// Promises: an owner counts as gone only where the engine follows its kind and
// has no object of that kind, place and uid; a kind not followed is no reason
// to delete anything. Every delete names the uid it means.
//
// Pure.
//
// Read first: testdata/dependents-go-when-their-last-owner-is-gone.
package garbage
