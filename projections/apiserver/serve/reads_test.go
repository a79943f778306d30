package serve

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes"

	"cairn/events"
)

func next(t *testing.T, w watch.Interface) watch.Event {
	t.Helper()
	select {
	case e, ok := <-w.ResultChan():
		if !ok {
			t.Fatal("the watch ended")
		}
		return e
	case <-time.After(10 * time.Second):
		t.Fatal("no event within ten seconds")
	}
	return watch.Event{}
}

// wants takes one event and compares type and name.
func wants(t *testing.T, w watch.Interface, kind watch.EventType, name string) *corev1.ConfigMap {
	t.Helper()
	e := next(t, w)
	m, ok := e.Object.(*corev1.ConfigMap)
	if !ok || e.Type != kind || m.Name != name {
		t.Fatalf("%s %v, want %s %s", e.Type, e.Object, kind, name)
	}
	return m
}

func TestAWatchResumesFromAnyRevision(t *testing.T) {
	c := newCell(t)
	maps := c.admin().CoreV1().ConfigMaps("default")
	a, err := maps.Create(t.Context(), configMap("a", "1"), metav1.CreateOptions{})
	must(t, err)
	before, err := maps.List(t.Context(), metav1.ListOptions{LabelSelector: "value"})
	must(t, err)
	for _, v := range []string{"2", "3"} {
		a.Data["k"], a.Labels["value"] = v, v
		a, err = maps.Update(t.Context(), a, metav1.UpdateOptions{})
		must(t, err)
	}
	must(t, maps.Delete(t.Context(), "a", metav1.DeleteOptions{}))

	w, err := maps.Watch(t.Context(), metav1.ListOptions{ResourceVersion: before.ResourceVersion})
	must(t, err)
	defer w.Stop()
	if m := wants(t, w, watch.Modified, "a"); m.Data["k"] != "2" {
		t.Errorf("first change shows %s", m.Data["k"])
	}
	third := wants(t, w, watch.Modified, "a")
	gone := wants(t, w, watch.Deleted, "a")
	if gone.ResourceVersion <= third.ResourceVersion || gone.Data["k"] != "3" {
		t.Errorf("deleted at %s showing %v, changed last at %s", gone.ResourceVersion, gone.Data, third.ResourceVersion)
	}
	// With a selector, what leaves it is deleted and what enters is added.
	s, err := maps.Watch(t.Context(), metav1.ListOptions{ResourceVersion: before.ResourceVersion, LabelSelector: "value=2"})
	must(t, err)
	defer s.Stop()
	wants(t, s, watch.Added, "a")
	wants(t, s, watch.Deleted, "a")
	_, err = maps.Create(t.Context(), configMap("b", "2"), metav1.CreateOptions{})
	must(t, err)
	wants(t, s, watch.Added, "b")
	wants(t, w, watch.Added, "b")
}

func TestWatchListSendsWhatIsThereAndABookmark(t *testing.T) {
	c := newCell(t)
	maps := c.admin().CoreV1().ConfigMaps("kube-public")
	yes := true
	w, err := maps.Watch(t.Context(), metav1.ListOptions{SendInitialEvents: &yes, AllowWatchBookmarks: true,
		ResourceVersionMatch: metav1.ResourceVersionMatchNotOlderThan})
	must(t, err)
	defer w.Stop()
	wants(t, w, watch.Added, RootCA)
	if m := wants(t, w, watch.Bookmark, ""); m.Annotations[metav1.InitialEventsAnnotationKey] != "true" || m.ResourceVersion == "" {
		t.Errorf("bookmark %+v", m.ObjectMeta)
	}
	_, err = maps.Create(t.Context(), configMap("a", "1"), metav1.CreateOptions{})
	must(t, err)
	wants(t, w, watch.Added, "a")
}

func TestAListComesInChunksOfOneMoment(t *testing.T) {
	c := newCell(t)
	maps := c.admin().CoreV1().ConfigMaps("kube-public")
	for i := range 5 {
		_, err := maps.Create(t.Context(), configMap(fmt.Sprint("m", i), "1"), metav1.CreateOptions{})
		must(t, err)
	}
	first, err := maps.List(t.Context(), metav1.ListOptions{Limit: 2, LabelSelector: "value=1"})
	must(t, err)
	_, err = maps.Create(t.Context(), configMap("m9", "1"), metav1.CreateOptions{})
	must(t, err)
	names, revision := []string{}, first.ResourceVersion
	for l := first; ; {
		for _, m := range l.Items {
			names = append(names, m.Name)
		}
		if l.Continue == "" {
			break
		}
		l, err = maps.List(t.Context(), metav1.ListOptions{Limit: 2, LabelSelector: "value=1", Continue: l.Continue})
		must(t, err)
		if l.ResourceVersion != revision {
			t.Errorf("a chunk at %s, the first at %s", l.ResourceVersion, revision)
		}
	}
	if got := strings.Join(names, " "); got != "m0 m1 m2 m3 m4" {
		t.Errorf("chunks gave %s", got)
	}
	exact, err := maps.List(t.Context(), metav1.ListOptions{ResourceVersion: revision, ResourceVersionMatch: metav1.ResourceVersionMatchExact, LabelSelector: "value"})
	if err != nil || len(exact.Items) != 5 {
		t.Errorf("%d as of %s (%v)", len(exact.Items), revision, err)
	}
	if _, err := maps.List(t.Context(), metav1.ListOptions{ResourceVersion: "5", ResourceVersionMatch: metav1.ResourceVersionMatchExact}); !apierrors.IsResourceExpired(err) {
		t.Errorf("before this incarnation: %v", err)
	}
}

func get(t *testing.T, h *http.Client, url, accept string) (int, string, http.Header) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "GET", url, nil)
	must(t, err)
	r.Header.Set("Accept", accept)
	resp, err := h.Do(r)
	must(t, err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	must(t, err)
	return resp.StatusCode, string(b), resp.Header
}

func TestTablesDiscoveryAndVersion(t *testing.T) {
	c := newCell(t)
	h, url := c.http("alice", "system:masters"), "https://"+c.server.Addr()
	for path, want := range map[string][]string{
		"/version":                {`"major": "1"`, `"minor": "37"`, `"gitVersion": "v1.37.1`},
		"/apis/apps/v1":           {`"deployments/scale"`, `"replicasets"`},
		"/api/v1":                 {`"pods/eviction"`, `"secrets"`},
		"/openapi/v3":             {`apis/apps/v1`},
		"/openapi/v2":             {`io.k8s.api.core.v1.ConfigMap`},
		"/readyz":                 {"ok"},
		"/cairn/v1/nodes/n1/vips": {"its certificate"},
	} {
		_, body, _ := get(t, h, url+path, "application/json")
		for _, w := range want {
			if !strings.Contains(body, w) {
				t.Errorf("%s lacks %s: %.200s", path, w, body)
			}
		}
	}
	if _, body, _ := get(t, h, url+"/api/v1", "application/json"); strings.Contains(body, "persistentvolumes") || strings.Contains(body, "ephemeralcontainers") {
		t.Error("what nobody does is discovered")
	}
	_, body, _ := get(t, h, url+"/api/v1/namespaces/default/services", "application/json;as=Table;v=v1;g=meta.k8s.io")
	for _, w := range []string{"CLUSTER-IP", "10.67.0.1", "443/TCP"} {
		if !strings.Contains(strings.ToUpper(body), w) {
			t.Errorf("the table lacks %s: %.400s", w, body)
		}
	}
}

func TestThePastIsReadUnderItsPrefix(t *testing.T) {
	c := newCell(t)
	maps := c.admin().CoreV1().ConfigMaps("default")
	a, err := maps.Create(t.Context(), configMap("a", "1"), metav1.CreateOptions{})
	must(t, err)
	at := c.view.Position()
	a.Data["k"] = "2"
	_, err = maps.Update(t.Context(), a, metav1.UpdateOptions{})
	must(t, err)
	_, err = maps.Create(t.Context(), configMap("b", "2"), metav1.CreateOptions{})
	must(t, err)

	for _, when := range []string{fmt.Sprint(at.Offset), "rv:" + at.Revision().String()} {
		config := c.config("alice", "system:masters")
		config.Host += "/@" + when
		then := kubernetes.NewForConfigOrDie(config).CoreV1().ConfigMaps("default")
		got, err := then.Get(t.Context(), "a", metav1.GetOptions{})
		if err != nil || got.Data["k"] != "1" {
			t.Fatalf("%s: %v (%v)", when, got.Data, err)
		}
		l, err := then.List(t.Context(), metav1.ListOptions{LabelSelector: "value"})
		if err != nil || len(l.Items) != 1 || l.ResourceVersion != at.Revision().String() {
			t.Errorf("%s: %d at %s (%v)", when, len(l.Items), l.ResourceVersion, err)
		}
		if err := then.Delete(t.Context(), "a", metav1.DeleteOptions{}); !apierrors.IsMethodNotSupported(err) {
			t.Errorf("%s: deleted in the past: %v", when, err)
		}
	}
	h, url := c.http("alice", "system:masters"), fmt.Sprintf("https://%s/@%d", c.server.Addr(), at.Offset)
	if status, body, _ := get(t, h, url+"/api/v1/namespaces/default/pods/x/log", "application/json"); status != 400 || !strings.Contains(body, "log of the past is not kept") {
		t.Errorf("a log of the past: %d %s", status, body)
	}
	if status, _, _ := get(t, h, "https://"+c.server.Addr()+"/@99999/api", "application/json"); status != 200 {
		t.Errorf("discovery at a moment that is not: %d", status)
	}
	grant(t, c.admin(), "bob", "configmaps")
	config := c.config("bob")
	config.Host += fmt.Sprint("/@", at.Offset)
	if _, err := kubernetes.NewForConfigOrDie(config).CoreV1().ConfigMaps("default").Get(t.Context(), "a", metav1.GetOptions{}); !apierrors.IsForbidden(err) {
		t.Errorf("bob read the past: %v", err)
	}
	status, body, _ := get(t, c.http("alice", "system:masters"), "https://"+c.server.Addr()+"/@99999/api/v1/namespaces", "application/json")
	if status != 400 || !strings.Contains(body, "beyond the last record") {
		t.Errorf("the future: %d %s", status, body)
	}
	eventually(t, "the read is on record", func() bool {
		_, list := c.records()
		for _, e := range list {
			if e.Type == events.PastRead && e.Actor.User == "alice" {
				return true
			}
		}
		return false
	})
}

// A watcher's picture, kept from a list and the changes after it, is what a
// later list shows, whatever many writers did meanwhile.
func TestListPlusWatchIsALaterList(t *testing.T) {
	c := newCell(t)
	maps := c.admin().CoreV1().ConfigMaps("kube-public")
	first, err := maps.List(t.Context(), metav1.ListOptions{})
	must(t, err)
	w, err := maps.Watch(t.Context(), metav1.ListOptions{ResourceVersion: first.ResourceVersion})
	must(t, err)
	defer w.Stop()
	var writers sync.WaitGroup
	for i := range 4 {
		writers.Go(func() {
			random := rand.New(rand.NewPCG(uint64(i), 1))
			for n := range 60 {
				name := fmt.Sprint("m", random.IntN(5))
				if random.IntN(3) == 0 {
					maps.Delete(t.Context(), name, metav1.DeleteOptions{})
				} else if _, err := maps.Create(t.Context(), configMap(name, fmt.Sprint(n)), metav1.CreateOptions{}); err != nil {
					patch := fmt.Sprintf(`{"data":{"w%d":"%d"}}`, i, n)
					maps.Patch(t.Context(), name, types.MergePatchType, []byte(patch), metav1.PatchOptions{})
				}
			}
		})
	}
	writers.Wait()
	_, err = maps.Create(t.Context(), configMap("last", "1"), metav1.CreateOptions{})
	must(t, err)
	picture := map[string]string{}
	for _, m := range first.Items {
		picture[m.Name] = m.ResourceVersion
	}
	for picture["last"] == "" {
		e := next(t, w)
		m := e.Object.(*corev1.ConfigMap)
		_, known := picture[m.Name]
		switch {
		case e.Type == watch.Deleted && known:
			delete(picture, m.Name)
		case e.Type == watch.Added && !known, e.Type == watch.Modified && known:
			picture[m.Name] = m.ResourceVersion
		default:
			t.Fatalf("%s of %s, known: %t", e.Type, m.Name, known)
		}
	}
	later, err := maps.List(t.Context(), metav1.ListOptions{})
	must(t, err)
	if len(later.Items) != len(picture) {
		t.Errorf("the watch leads to %v, the list has %d", picture, len(later.Items))
	}
	for _, m := range later.Items {
		if picture[m.Name] != m.ResourceVersion {
			t.Errorf("%s at %s, watched to %q", m.Name, m.ResourceVersion, picture[m.Name])
		}
	}
}
