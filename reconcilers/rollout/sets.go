package rollout

import (
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"strconv"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"cairn/events"
	"cairn/reconcilers/reconcile"
)

// Annotations and the label by which Kubernetes' tools know a rollout.
const (
	revisionNote = "deployment.kubernetes.io/revision"
	historyNote  = "deployment.kubernetes.io/revision-history"
	desiredNote  = "deployment.kubernetes.io/desired-replicas"
	mostNote     = "deployment.kubernetes.io/max-replicas"
	hashLabel    = "pod-template-hash"
)

// notCopied are annotations of a Deployment that its ReplicaSets have for themselves.
var notCopied = map[string]bool{
	"kubectl.kubernetes.io/last-applied-configuration": true, revisionNote: true, historyNote: true, desiredNote: true, mostNote: true,
	"deprecated.deployment.rollback.to": true, events.TemplateHashAnnotation: true,
}

// number gives the set of the Deployment's template the highest revision, and
// what annotations the Deployment has.
func (r *run) number(s *set) {
	next := r.nextRevision()
	if old := s.revision(); old < next {
		if old > 0 {
			history := s.annotation(historyNote)
			if history != "" {
				history += ","
			}
			s.annotate(historyNote, history+strconv.FormatInt(old, 10))
		}
		s.annotate(revisionNote, strconv.FormatInt(next, 10))
		s.because = fmt.Sprintf("it is revision %d of deployment %s now", next, r.d.Ref.Name)
	}
	for _, k := range slices.Sorted(maps.Keys(r.body.Annotations)) {
		if !notCopied[k] {
			s.annotate(k, r.body.Annotations[k])
		}
	}
	r.revision = s.annotation(revisionNote)
}

func (r *run) nextRevision() int64 {
	var most int64
	for _, s := range r.old {
		most = max(most, s.revision())
	}
	return most + 1
}

// create plans the ReplicaSet of the Deployment's template.
func (r *run) create(replicas int) {
	hash := hashOf(r.d.Facts.Workload.TemplateHash, r.collisions)
	ref := events.Ref{Kind: events.ReplicaSets, Namespace: r.d.Ref.Namespace, Name: r.d.Ref.Name + "-" + hash}
	if r.in.Cache.Get(ref) != nil {
		r.collisions++ // another template's or another owner's: the next look takes the next name
		return
	}
	r.made, r.revision = ref.Name, strconv.FormatInt(r.nextRevision(), 10)
	notes := map[string]string{revisionNote: r.revision, desiredNote: strconv.Itoa(r.replicas), mostNote: strconv.Itoa(r.replicas + r.surge)}
	for k, v := range r.body.Annotations {
		if !notCopied[k] {
			notes[k] = v
		}
	}
	notes[events.TemplateHashAnnotation] = r.d.Facts.Workload.TemplateHash
	yes, n := true, int32(replicas)
	template := *r.body.Spec.Template.DeepCopy()
	template.Labels = with(template.Labels, hashLabel, hash)
	selector := r.body.Spec.Selector.DeepCopy()
	if selector == nil {
		selector = &metav1.LabelSelector{}
	}
	selector.MatchLabels = with(selector.MatchLabels, hashLabel, hash)
	r.plan.Add(reconcile.Intent{Cause: reconcile.Causes(r.cause...), Reason: fmt.Sprintf("deployment %s has a new template, revision %s", r.d.Ref.Name, r.revision),
		Request: reconcile.Create(ref, &appsv1.ReplicaSet{
			TypeMeta: metav1.TypeMeta{APIVersion: "apps/v1", Kind: "ReplicaSet"},
			ObjectMeta: metav1.ObjectMeta{
				Name: ref.Name, Namespace: ref.Namespace, Labels: template.Labels, Annotations: notes,
				OwnerReferences: []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: "Deployment", Name: r.body.Name, UID: r.body.UID, Controller: &yes, BlockOwnerDeletion: &yes}},
			},
			Spec: appsv1.ReplicaSetSpec{Replicas: &n, MinReadySeconds: r.body.Spec.MinReadySeconds, Selector: selector, Template: template},
		})})
}

func with(labels map[string]string, key, value string) map[string]string {
	m := map[string]string{key: value}
	for k, v := range labels {
		if k != key {
			m[k] = v
		}
	}
	return m
}

// hashOf names a template in a ReplicaSet's name and labels: letters and digits
// that spell no word. A collision gives another name to the same template.
func hashOf(template string, collisions int32) string {
	h := fnv.New32a()
	h.Write([]byte(template))
	if collisions > 0 {
		fmt.Fprintf(h, "/%d", collisions)
	}
	const letters = "bcdfghjklmnpqrstvwxz2456789"
	var b []byte
	for n := h.Sum32(); len(b) < 7; n /= uint32(len(letters)) {
		b = append(b, letters[n%uint32(len(letters))])
	}
	return string(b)
}

// claim adopts ReplicaSets that fit the selector and that nobody controls, and
// releases those that fit no more. Where it does, all else waits for the next
// look: one of them may be the template's.
func (r *run) claim() (busy bool) {
	sel := r.d.Facts.Workload.Selector
	for _, o := range r.in.Cache.Orphans(events.ReplicaSets, r.d.Ref.Namespace) {
		if o.Facts.Deleting == 0 && reconcile.Matches(sel, o.Facts.Labels) {
			r.owner(o, map[string]any{"apiVersion": "apps/v1", "kind": "Deployment", "name": r.d.Ref.Name, "uid": r.d.UID, "controller": true, "blockOwnerDeletion": true},
				"deployment "+r.d.Ref.Name+" adopts it: its labels match")
			busy = true
		}
	}
	for _, o := range r.in.Cache.Controlled(r.d, events.ReplicaSets) {
		if o.Facts.Deleting == 0 && !reconcile.Matches(sel, o.Facts.Labels) {
			r.owner(o, map[string]any{"$patch": "delete", "uid": r.d.UID}, "its labels match no longer the selector of deployment "+r.d.Ref.Name)
			busy = true
		}
	}
	return busy
}

func (r *run) owner(o *reconcile.Object, reference map[string]any, reason string) {
	r.plan.Add(reconcile.Intent{Cause: reconcile.Causes(r.in.Cache.Offset(o.Written)), Reason: reason,
		Request: reconcile.Patch(o, "", reconcile.StrategicPatch, true, map[string]any{"metadata": map[string]any{"ownerReferences": []any{reference}}})})
}

// trim deletes old ReplicaSets beyond the history limit, the oldest revisions first.
func (r *run) trim() {
	var empty []*set
	for _, s := range r.old {
		if s.want == 0 && s.running == 0 && s.object.Facts.Deleting == 0 && !s.changed() {
			empty = append(empty, s)
		}
	}
	slices.SortStableFunc(empty, func(a, b *set) int { return int(a.revision() - b.revision()) })
	for _, s := range empty[:max(0, len(empty)-int(r.d.Facts.Deployment.HistoryLimit))] {
		r.plan.Add(reconcile.Intent{Cause: reconcile.Causes(r.cause...), Reason: fmt.Sprintf("deployment %s keeps %d old revisions", r.d.Ref.Name, r.d.Facts.Deployment.HistoryLimit),
			Request: reconcile.Delete(s.object, "")})
	}
}
