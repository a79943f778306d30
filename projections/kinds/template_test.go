package kinds

import (
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"cairn/events"
)

func TestTheTemplateHashIsTheSameForASetAndItsDeployment(t *testing.T) {
	a := &corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": "web"}}, Spec: pod().Spec}
	b := a.DeepCopy()
	b.Labels["pod-template-hash"] = hashTemplate(a)
	if hashTemplate(a) != hashTemplate(b) {
		t.Error("the hash hashes itself")
	}
	b.Spec.Containers[0].Image = "other"
	if hashTemplate(a) == hashTemplate(b) {
		t.Error("another image has the same hash")
	}
	if b.Labels["pod-template-hash"] == "" {
		t.Error("hashing changed the template")
	}
}

// A library that encodes otherwise, or another way to hash, would give every
// template another name: it must not restart every Deployment at its next write.
func TestATemplateKeepsItsNameWhileItMeansTheSame(t *testing.T) {
	d := &appsv1.Deployment{Spec: appsv1.DeploymentSpec{Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": "web"}}, Spec: pod().Spec}}}
	k := kind(t, events.Deployments)
	old := k.FactsOf(Builtin(), d, Before{})
	old.Workload.TemplateHash = "0123456789" // as another library's bytes hashed
	was := Before{Facts: &old, Object: func() Object { return d }}
	now := d.DeepCopy()
	now.Annotations = map[string]string{"note": "new"}
	now.Spec.Template.Spec.Containers[0].Resources.Requests["cpu"] = resource.MustParse("0.25") // 250m, said otherwise
	if got := k.FactsOf(Builtin(), now, was).Workload.TemplateHash; got != "0123456789" {
		t.Errorf("a note on the deployment named its template anew: %s", got)
	}
	now.Spec.Template.Spec.Containers[0].Image = "other"
	if got := k.FactsOf(Builtin(), now, was).Workload.TemplateHash; got == "0123456789" || got != hashTemplate(&now.Spec.Template) {
		t.Errorf("another image has the name %s", got)
	}
}

func TestAReplicaSetOfADeploymentHasTheHashThatWasWrittenIntoIt(t *testing.T) {
	yes := true
	s := &appsv1.ReplicaSet{ObjectMeta: metav1.ObjectMeta{Annotations: map[string]string{events.TemplateHashAnnotation: "0123456789"},
		OwnerReferences: []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: "Deployment", Name: "web", UID: "d", Controller: &yes}}}}
	k := kind(t, events.ReplicaSets)
	if got := k.FactsOf(Builtin(), s, Before{}).Workload.TemplateHash; got != "0123456789" {
		t.Errorf("the annotation says 0123456789, the fact %s", got)
	}
	s.OwnerReferences = nil
	if got := k.FactsOf(Builtin(), s, Before{}).Workload.TemplateHash; got != hashTemplate(&s.Spec.Template) {
		t.Errorf("a set of nobody's has the hash %s", got)
	}
}
