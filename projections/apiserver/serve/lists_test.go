package serve

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	asJSON     = "application/json"
	asProtobuf = "application/vnd.kubernetes.protobuf"
	// whole is a second choice that is never taken; with it lists are filled and
	// encoded by upstream instead of streamed.
	whole = ", application/json;as=Table;g=meta.k8s.io;v=v1"
)

// ask reads an answer's bytes, its media type and whether it was compressed.
func (c *cell) ask(h *http.Client, path, accept string, compressed bool) (body []byte, mediaType string, wasCompressed bool) {
	c.t.Helper()
	r, err := http.NewRequestWithContext(c.t.Context(), http.MethodGet, "https://"+c.server.Addr()+path, nil)
	must(c.t, err)
	r.Header.Set("Accept", accept)
	r.Header.Set("Accept-Encoding", "identity")
	if compressed {
		r.Header.Set("Accept-Encoding", "gzip")
	}
	resp, err := h.Do(r)
	must(c.t, err)
	defer resp.Body.Close()
	var in io.Reader = resp.Body
	if wasCompressed = resp.Header.Get("Content-Encoding") == "gzip"; wasCompressed {
		in, err = gzip.NewReader(in)
		must(c.t, err)
	}
	body, err = io.ReadAll(in)
	must(c.t, err)
	if resp.StatusCode != http.StatusOK {
		c.t.Fatalf("%s: %d %s", path, resp.StatusCode, body)
	}
	return body, resp.Header.Get("Content-Type"), wasCompressed
}

func TestAStreamedListIsByteForByteUpstreams(t *testing.T) {
	c := newCell(t)
	admin := c.admin()
	for i := range 7 {
		m := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprint("m", i), Labels: map[string]string{"half": fmt.Sprint(i % 2)},
			Annotations: map[string]string{"a": "<&>\u2028"}}, Data: map[string]string{"k": strings.Repeat("v\n", 100)}, BinaryData: map[string][]byte{"b": {0, 1, 0xff}}}
		_, err := admin.CoreV1().ConfigMaps("default").Create(t.Context(), m, metav1.CreateOptions{})
		must(t, err)
		_, err = admin.CoreV1().Secrets("default").Create(t.Context(), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprint("s", i)},
			StringData: map[string]string{"k": "v"}}, metav1.CreateOptions{})
		must(t, err)
		_, err = admin.CoreV1().Pods("default").Create(t.Context(), podOf(fmt.Sprint("p", i)), metav1.CreateOptions{})
		must(t, err)
	}
	_, err := admin.CoreV1().Services("default").Create(t.Context(), &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: "web"},
		Spec: corev1.ServiceSpec{Selector: map[string]string{"app": "web"}, Ports: []corev1.ServicePort{{Port: 80}}}}, metav1.CreateOptions{})
	must(t, err)
	h := c.http("alice", "system:masters")
	for _, path := range []string{"/api/v1/configmaps", "/api/v1/namespaces/default/configmaps", "/api/v1/secrets", "/api/v1/pods", "/api/v1/serviceaccounts",
		"/api/v1/endpoints", "/api/v1/nodes", "/api/v1/replicationcontrollers", "/api/v1/events", "/apis/events.k8s.io/v1/events",
		"/apis/apps/v1/deployments", "/apis/apps/v1/replicasets", "/apis/discovery.k8s.io/v1/endpointslices", "/apis/rbac.authorization.k8s.io/v1/clusterroles"} {
		for _, query := range []string{"", "labelSelector=half%3D1", "labelSelector=app", "fieldSelector=metadata.name%3Dm3", "fieldSelector=metadata.name%21%3Dm3",
			"limit=3", "limit=3&labelSelector=half%3D0", "limit=100", "pretty=true", "resourceVersion=0"} {
			for _, accept := range []string{asJSON, asProtobuf, "application/yaml"} {
				at := path + "?" + query
				got, gotType, _ := c.ask(h, at, accept, false)
				want, wantType, _ := c.ask(h, at, accept+whole, false)
				if !bytes.Equal(got, want) || gotType != wantType {
					t.Fatalf("%s as %s: %s of %d bytes\n%.2000q\nwant %s of %d\n%.2000q", at, accept, gotType, len(got), got, wantType, len(want), want)
				}
			}
		}
	}
}

func TestAStreamedListGoesOnWhereItStopped(t *testing.T) {
	c := newCell(t)
	maps := c.admin().CoreV1().ConfigMaps("kube-public")
	for i := range 10 {
		_, err := maps.Create(t.Context(), &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprint("m", i)}}, metav1.CreateOptions{})
		must(t, err)
	}
	first, err := maps.List(t.Context(), metav1.ListOptions{})
	must(t, err)
	var names, want []string
	for _, m := range first.Items {
		want = append(want, m.Name)
	}
	opts := metav1.ListOptions{Limit: 3}
	for {
		list, err := maps.List(t.Context(), opts)
		must(t, err)
		for _, m := range list.Items {
			names = append(names, m.Name)
		}
		if opts.Continue = list.Continue; opts.Continue == "" {
			break
		}
		if want := int64(len(want) - len(names)); list.RemainingItemCount == nil || *list.RemainingItemCount != want {
			t.Errorf("after %d objects %v remain, want %d", len(names), list.RemainingItemCount, want)
		}
	}
	if !slices.Equal(names, want) || len(want) < 10 {
		t.Errorf("listed %s, want %s", names, want)
	}
}

// Lists longer than what is gathered before a length is known, and than what a
// client wants compressed.
func TestALongStreamedListIsUpstreams(t *testing.T) {
	c := newCell(t)
	for i := range 6 {
		m := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprint("m", i)}, Data: map[string]string{"k": strings.Repeat(fmt.Sprint(i), 700_000)}}
		_, err := c.admin().CoreV1().ConfigMaps("default").Create(t.Context(), m, metav1.CreateOptions{})
		must(t, err)
	}
	h := c.http("alice", "system:masters")
	for _, accept := range []string{asJSON, asProtobuf} {
		for _, compressed := range []bool{false, true} {
			path := "/api/v1/configmaps"
			got, _, gotPacked := c.ask(h, path, accept, compressed)
			want, _, wantPacked := c.ask(h, path, accept+whole, compressed)
			if !bytes.Equal(got, want) || gotPacked != wantPacked || wantPacked != compressed {
				t.Errorf("as %s: %d bytes, compressed %v; want %d, %v", accept, len(got), gotPacked, len(want), wantPacked)
			}
		}
	}
}
