// Package rollout brings a Deployment's pods to its template.
//
// In: the Deployment, the ReplicaSets it controls with their bodies, their
// pods. Out: ReplicaSets to create, scale, annotate, adopt, release or delete,
// and the status it answers for: observedGeneration, availableReplicas,
// conditions, collisionCount. Counts of pods are the fold's; pods are made by
// package replicas.
//
// Promises, as Kubernetes makes them: of a RollingUpdate, never more than
// replicas + maxSurge pods are wanted, and never are fewer than replicas -
// maxUnavailable available by its doing; Recreate starts no new pod while an old
// one runs; a paused Deployment is scaled but not rolled out; each template has
// one ReplicaSet, whose annotation numbers the revision, so that `kubectl
// rollout history, undo, status` work; of old ones revisionHistoryLimit stay.
// A spec is written only over the revision that the plan saw, so of several
// engines one wins and the others look again.
//
// Pure.
//
// Read first: testdata/a-new-template-rolls-out-in-steps.
package rollout
