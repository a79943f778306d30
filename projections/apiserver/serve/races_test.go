package serve

import (
	"fmt"
	"net/http"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"cairn/events"
)

// A reconciler claims what the fold's counts, which it read, allow; meanwhile
// they have moved. It was overtaken, which is no fault of what it says: 409, and
// nothing on record.
func TestAReconcilerThatWasOvertakenMeetsAConflict(t *testing.T) {
	c := newCell(t)
	labels := map[string]string{"app": "web"}
	set := &appsv1.ReplicaSet{ObjectMeta: metav1.ObjectMeta{Name: "web"}, Spec: appsv1.ReplicaSetSpec{Selector: &metav1.LabelSelector{MatchLabels: labels},
		Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: podOf("x").Spec}}}
	read, err := c.admin().AppsV1().ReplicaSets("default").Create(t.Context(), set, metav1.CreateOptions{})
	must(t, err)
	_, err = c.admin().AppsV1().ReplicaSets("default").Patch(t.Context(), "web", types.MergePatchType, []byte(`{"metadata":{"labels":{"a":"b"}}}`), metav1.PatchOptions{})
	must(t, err)
	claim := func(revision string) int {
		status, body, err := c.server.Do(t.Context(), "replicas", nil, "test", "PATCH", "/apis/apps/v1/namespaces/default/replicasets/web/status", string(types.MergePatchType),
			fmt.Appendf(nil, `{"metadata":{"uid":%q%s},"status":{"availableReplicas":1}}`, read.UID, revision))
		must(t, err)
		t.Logf("%d %s", status, body)
		return status
	}
	if got := claim(fmt.Sprintf(`,"resourceVersion":%q`, read.ResourceVersion)); got != http.StatusConflict {
		t.Errorf("overtaken: %d", got)
	}
	if got := claim(""); got != http.StatusUnprocessableEntity { // what it said before it named what it had read
		t.Errorf("of no revision: %d", got)
	}
	eventually(t, "the second is on record, alone", func() bool {
		_, list := c.records()
		n := 0
		for _, e := range list {
			if e.Type == events.RequestRefused {
				if n++; e.Facts.Denial.Status != http.StatusUnprocessableEntity {
					t.Fatalf("on record: %d %s", e.Facts.Denial.Status, e.Reason)
				}
			}
		}
		return n == 1
	})
}
