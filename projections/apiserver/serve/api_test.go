package serve

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestAConfigMapIsCreatedReadChangedAndDeleted(t *testing.T) {
	begin := time.Now()
	c := newCell(t)
	t.Logf("ready after %s", time.Since(begin))
	maps := c.admin().CoreV1().ConfigMaps("default")
	m, err := maps.Create(t.Context(), &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "a"}, Data: map[string]string{"k": "v"}}, metav1.CreateOptions{})
	must(t, err)
	m.Data["k"] = "w"
	m, err = maps.Update(t.Context(), m, metav1.UpdateOptions{})
	must(t, err)
	got, err := maps.Get(t.Context(), "a", metav1.GetOptions{})
	must(t, err)
	if got.Data["k"] != "w" || got.ResourceVersion != m.ResourceVersion {
		t.Fatalf("%v at %s, want w at %s", got.Data, got.ResourceVersion, m.ResourceVersion)
	}
	must(t, maps.Delete(t.Context(), "a", metav1.DeleteOptions{}))
}
