package rollout

import (
	"fmt"
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"cairn/reconcilers/reconcile"
)

// report plans the status record, if what it would say differs from what stands.
// It replaces only what was read: the counts beside it are the fold's, and move.
// A failure is told before the work is tried again: a plan ends at a refusal.
func (r *run) report() {
	had := r.body.Status
	list := slices.Clone(had.Conditions)
	list = r.pausing(list)
	list = r.progress(list)
	list = r.availability(list)
	list = r.failures(list)
	// The counts that it stands beside are the fold's: never claim more than those.
	available := int32(min(r.available(), int(r.d.Workload().Ready)))
	observed := int64(r.d.Facts.Generation)
	collisions := int32(0)
	if had.CollisionCount != nil {
		collisions = *had.CollisionCount
	}
	if observed == had.ObservedGeneration && available == had.AvailableReplicas && collisions == r.collisions &&
		r.revision == r.body.Annotations[revisionNote] && slices.EqualFunc(list, had.Conditions, sameCondition) {
		return
	}
	status := map[string]any{"observedGeneration": observed, "availableReplicas": available, "conditions": list}
	if r.collisions > 0 {
		status["collisionCount"] = r.collisions
	}
	patch := map[string]any{"status": status}
	if r.revision != "" && r.d.Facts.Deleting == 0 {
		// Through the status, where it is no change of what is wanted.
		patch["metadata"] = map[string]any{"annotations": map[string]string{revisionNote: r.revision}}
	}
	say := reconcile.Intent{Cause: reconcile.Causes(r.cause...), Reason: fmt.Sprintf("deployment %s has %d of %d pods available", r.d.Ref.Name, available, r.replicas),
		Request: reconcile.Patch(r.d, "status", reconcile.MergePatch, true, patch)}
	if r.in.LastError != "" {
		r.plan.Intents = append([]reconcile.Intent{say}, r.plan.Intents...)
		return
	}
	r.plan.Add(say)
}

func (r *run) pausing(list []appsv1.DeploymentCondition) []appsv1.DeploymentCondition {
	c := find(list, appsv1.DeploymentProgressing)
	was := c != nil && c.Reason == "DeploymentPaused"
	paused := r.d.Facts.Deployment.Paused
	switch {
	case c != nil && c.Reason == "ProgressDeadlineExceeded", paused == was:
		return list
	case paused:
		return r.set(list, appsv1.DeploymentProgressing, corev1.ConditionUnknown, "DeploymentPaused", "Deployment is paused")
	}
	return r.set(list, appsv1.DeploymentProgressing, corev1.ConditionUnknown, "DeploymentResumed", "Deployment is resumed")
}

// progress keeps the Progressing condition. Its lastUpdateTime is the time of
// the last progress, in ledger time; from it the deadline counts.
func (r *run) progress(list []appsv1.DeploymentCondition) []appsv1.DeploymentCondition {
	const kind = appsv1.DeploymentProgressing
	c := find(list, kind)
	name, seconds := "Deployment \""+r.d.Ref.Name+"\"", r.d.Facts.Deployment.DeadlineSeconds
	if r.fresh != nil {
		name = "ReplicaSet \"" + r.fresh.object.Ref.Name + "\""
	}
	switch {
	case r.d.Facts.Deployment.Paused || seconds == 0 || seconds >= 1<<31-1:
		return list
	case r.made != "" && r.in.LastError != "":
		return r.set(list, kind, corev1.ConditionFalse, "ReplicaSetCreateError", r.in.LastError)
	case r.made != "":
		return r.set(list, kind, corev1.ConditionTrue, "NewReplicaSetCreated", fmt.Sprintf("Created new replica set %q", r.made))
	case r.fresh == nil:
		return list
	case r.complete():
		return r.set(list, kind, corev1.ConditionTrue, "NewReplicaSetAvailable", name+" has successfully progressed.")
	case c == nil:
		return r.set(list, kind, corev1.ConditionTrue, "FoundNewReplicaSet", fmt.Sprintf("Found new replica set %q", r.fresh.object.Ref.Name))
	case c.Reason == "NewReplicaSetAvailable" && r.d.Workload().Updated == r.d.Workload().Replicas:
		return list // it was done; that a pod is missing or not available now is no rollout
	case c.Reason == "NewReplicaSetAvailable": // back to a template whose set is there: the deadline counts from now
		return r.set(list, kind, corev1.ConditionTrue, "ReplicaSetUpdated", name+" is progressing.")
	}
	if at := r.progressed(); at.After(c.LastUpdateTime.Time) {
		list = r.set(list, kind, corev1.ConditionTrue, "ReplicaSetUpdated", name+" is progressing.")
		find(list, kind).LastUpdateTime = metav1.Time{Time: at}
		c = find(list, kind)
	}
	due := c.LastUpdateTime.Add(time.Duration(seconds) * time.Second)
	switch {
	case c.Reason == "ProgressDeadlineExceeded":
	case r.in.Now.Before(due):
		r.plan.DueBy(due)
	default:
		return r.set(list, kind, corev1.ConditionFalse, "ProgressDeadlineExceeded", name+" has timed out progressing.")
	}
	return list
}

// progressed is when pods were last made, ended or became ready.
func (r *run) progressed() (at time.Time) {
	for _, s := range r.sets {
		if t := timeOf(s.object.Progressed); t.After(at) {
			at = t
		}
	}
	return at
}

func (r *run) availability(list []appsv1.DeploymentCondition) []appsv1.DeploymentCondition {
	if r.available() >= r.replicas-r.unavailable {
		return r.set(list, appsv1.DeploymentAvailable, corev1.ConditionTrue, "MinimumReplicasAvailable", "Deployment has minimum availability.")
	}
	return r.set(list, appsv1.DeploymentAvailable, corev1.ConditionFalse, "MinimumReplicasUnavailable", "Deployment does not have minimum availability.")
}

// failures repeats what hinders a ReplicaSet from making pods.
func (r *run) failures(list []appsv1.DeploymentCondition) []appsv1.DeploymentCondition {
	order := slices.Clone(r.old)
	if r.fresh != nil {
		order = append([]*set{r.fresh}, order...)
	}
	for _, s := range order {
		for _, c := range s.body.Status.Conditions {
			if c.Type == appsv1.ReplicaSetReplicaFailure && c.Status == corev1.ConditionTrue {
				return r.set(list, appsv1.DeploymentReplicaFailure, c.Status, c.Reason, c.Message)
			}
		}
	}
	return slices.DeleteFunc(list, func(c appsv1.DeploymentCondition) bool { return c.Type == appsv1.DeploymentReplicaFailure })
}

// set puts a condition; one of the same status and reason stays as it is.
func (r *run) set(list []appsv1.DeploymentCondition, kind appsv1.DeploymentConditionType, status corev1.ConditionStatus, reason, message string) []appsv1.DeploymentCondition {
	now := metav1.Time{Time: r.in.Now.UTC().Truncate(time.Second)}
	c := appsv1.DeploymentCondition{Type: kind, Status: status, Reason: reason, Message: message, LastUpdateTime: now, LastTransitionTime: now}
	had := find(list, kind)
	if had == nil {
		return append(list, c)
	}
	if had.Status == status && had.Reason == reason && had.Message == message {
		return list
	}
	if had.Status == status {
		c.LastTransitionTime = had.LastTransitionTime
	}
	*had = c
	return list
}

func find(list []appsv1.DeploymentCondition, kind appsv1.DeploymentConditionType) *appsv1.DeploymentCondition {
	for i := range list {
		if list[i].Type == kind {
			return &list[i]
		}
	}
	return nil
}

func sameCondition(a, b appsv1.DeploymentCondition) bool {
	return a.Type == b.Type && a.Status == b.Status && a.Reason == b.Reason && a.Message == b.Message &&
		a.LastUpdateTime.Equal(&b.LastUpdateTime) && a.LastTransitionTime.Equal(&b.LastTransitionTime)
}
