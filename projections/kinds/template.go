package kinds

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"cairn/events"
)

// hashLabel tells the pods of a Deployment's templates apart. It is left out of
// a template's hash: it holds the hash.
const hashLabel = appsv1.DefaultDeploymentUniqueLabelKey

// templateHash is a workload's fact about its pod template. The naive way, to
// hash the template at each write, would restart every Deployment of a cell the
// day a library encodes templates otherwise or defaults a new field. So the hash
// is a name, given once and carried on for as long as the template means the
// same; and a ReplicaSet begins with the one that its Deployment wrote into it.
func templateHash(o Object, before Before, t *corev1.PodTemplateSpec, templateOf func(Object) *corev1.PodTemplateSpec) string {
	if was := before.Facts; was != nil && was.Workload != nil && was.Workload.TemplateHash != "" && before.Object != nil {
		if sameTemplate(templateOf(before.Object()), t) {
			return was.Workload.TemplateHash
		}
	}
	if name, ok := ofDeployment(o); ok {
		return name
	}
	return hashTemplate(t)
}

// ofDeployment is the name that a Deployment's ReplicaSet has for its template.
func ofDeployment(o Object) (string, bool) {
	c := metav1.GetControllerOf(o)
	if _, set := o.(*appsv1.ReplicaSet); !set || c == nil || c.Kind != "Deployment" {
		return "", false
	}
	name, ok := o.GetAnnotations()[events.TemplateHashAnnotation]
	return name, ok && name != ""
}

func sameTemplate(a, b *corev1.PodTemplateSpec) bool {
	return equality.Semantic.DeepEqual(withoutHash(a), withoutHash(b))
}

// withoutHash is the template without pod-template-hash, as a copy.
func withoutHash(t *corev1.PodTemplateSpec) *corev1.PodTemplateSpec {
	t = t.DeepCopy()
	delete(t.Labels, hashLabel)
	if len(t.Labels) == 0 {
		t.Labels = nil
	}
	return t
}

// hashTemplate is ten hex digits over the template.
func hashTemplate(t *corev1.PodTemplateSpec) string {
	b, err := json.Marshal(withoutHash(t))
	if err != nil {
		panic("kinds: a pod template does not marshal: " + err.Error())
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:5])
}

// workload is what replicas and counts must know of o.
func workload(o Object, before Before, replicas *int32, s *metav1.LabelSelector, minReady int32, templateOf func(Object) *corev1.PodTemplateSpec) *events.Workload {
	t := templateOf(o)
	w := &events.Workload{Replicas: 1, Selector: selector(s), TemplateHash: templateHash(o, before, t, templateOf),
		TemplateLabels: pairs(t.Labels), MinReadySeconds: uint64(max(minReady, 0))}
	if replicas != nil {
		w.Replicas = uint64(max(*replicas, 0))
	}
	return w
}
