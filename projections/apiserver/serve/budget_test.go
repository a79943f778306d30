package serve

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"cairn/events"
	"cairn/projections/apiserver/budget"
)

func TestNobodyAppendsBeyondTheirBudget(t *testing.T) {
	c := newCell(t)
	c.limits = budget.Limits{Rate: 0.01, Burst: 3}
	c.startOver(c.view)
	grant(t, c.admin(), "bob", "configmaps")
	grant(t, c.admin(), "eve", "configmaps")
	bob := c.http("bob")
	post := func(name string) *http.Response {
		r, err := http.NewRequestWithContext(t.Context(), "POST", "https://"+c.server.Addr()+"/api/v1/namespaces/default/configmaps",
			bytes.NewReader(fmt.Appendf(nil, `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":%q}}`, name)))
		must(t, err)
		r.Header.Set("Content-Type", "application/json")
		resp, err := bob.Do(r)
		must(t, err)
		resp.Body.Close()
		return resp
	}
	for i := range 3 {
		if resp := post(fmt.Sprint("m", i)); resp.StatusCode != http.StatusCreated {
			t.Fatalf("record %d of the burst: %s", i, resp.Status)
		}
	}
	for range 4 {
		if resp := post("more"); resp.StatusCode != http.StatusTooManyRequests || resp.Header.Get("Retry-After") == "" {
			t.Fatalf("beyond the budget: %s, retry after %q", resp.Status, resp.Header.Get("Retry-After"))
		}
	}
	if _, err := c.client("bob").CoreV1().ConfigMaps("default").List(t.Context(), metav1.ListOptions{}); err != nil {
		t.Errorf("reads are bounded too: %v", err)
	}
	if _, err := c.client("eve").CoreV1().ConfigMaps("default").Create(t.Context(), configMap("of-eve", "1"), metav1.CreateOptions{}); err != nil {
		t.Errorf("eve pays for bob: %v", err)
	}
	c.node("n1") // nodes and what acts in process are not bounded
	for i := range 5 {
		status, body, err := c.server.Do(t.Context(), "namespaces", nil, "test", "POST", "/api/v1/namespaces/default/configmaps", "application/json",
			fmt.Appendf(nil, `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"r%d"}}`, i))
		if err != nil || status == http.StatusTooManyRequests {
			t.Fatalf("a reconciler is bounded: %d %s %v", status, body, err)
		}
	}
	eventually(t, "the refusal is on record, once", func() bool {
		_, list := c.records()
		n := 0
		for _, e := range list {
			if d := e.Facts.Denial; e.Type == events.RequestRefused && d.Status == http.StatusTooManyRequests && e.Actor.User == "bob" {
				n++
			}
		}
		if n > 1 {
			t.Fatalf("%d records of four refusals", n)
		}
		return n == 1
	})
}

func TestRefusedWritesNameTheirObject(t *testing.T) {
	c := newCell(t)
	maps := c.admin().CoreV1().ConfigMaps("default")
	for _, name := range []string{"a", "b"} {
		old, err := maps.Create(t.Context(), configMap(name, "1"), metav1.CreateOptions{})
		must(t, err)
		_, err = maps.Update(t.Context(), withData(old, "2"), metav1.UpdateOptions{})
		must(t, err)
		if _, err = maps.Update(t.Context(), withData(old, "3"), metav1.UpdateOptions{}); !apierrors.IsConflict(err) {
			t.Fatalf("a stale update: %v", err)
		}
		if _, err = maps.Create(t.Context(), configMap(name, "4"), metav1.CreateOptions{}); !apierrors.IsAlreadyExists(err) {
			t.Fatalf("a second creation: %v", err)
		}
	}
	eventually(t, "each refusal is on record with its object", func() bool {
		_, list := c.records()
		var said []string
		for _, e := range list {
			if e.Type == events.RequestRefused {
				said = append(said, e.Facts.Denial.Verb+" "+e.Subject.Name)
			}
		}
		return strings.Join(said, ", ") == "update a, create a, update b, create b"
	})
}

// withData is a copy of a config map that says otherwise.
func withData(m *corev1.ConfigMap, value string) *corev1.ConfigMap {
	m = m.DeepCopy()
	m.Data = map[string]string{"k": value}
	return m
}
