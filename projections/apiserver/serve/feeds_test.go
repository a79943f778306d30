package serve

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"cairn/events"
	"cairn/events/feed"
	"cairn/events/wire"
)

// stream opens one of the node's feeds and reads entries until enough says so.
func stream[T any, M interface {
	*T
	wire.Message
}](n *node, what string, from events.Offset, enough func(*T) bool) {
	n.t.Helper()
	ctx, cancel := context.WithCancel(n.t.Context())
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, "GET", fmt.Sprintf("https://%s/cairn/v1/nodes/%s/%s?from=%d", n.server.Addr(), n.name, what, from), nil)
	must(n.t, err)
	resp, err := n.http("system:node:"+n.name, "system:nodes").Do(r)
	must(n.t, err)
	defer resp.Body.Close()
	if resp.StatusCode != 200 {
		n.t.Fatalf("%s: %s", what, resp.Status)
	}
	for body := bufio.NewReader(resp.Body); ; {
		var e T
		if err := feed.ReadFrame(body, M(&e)); err != nil {
			n.t.Fatalf("%s: %v", what, err)
		}
		if enough(&e) {
			return
		}
	}
}

func TestANodeFollowsItsFeedsOverHTTP(t *testing.T) {
	c := newCell(t)
	n := c.node("n1")
	c.node("n2")
	p := bound(n, podOf("web"))
	found := false
	stream(n, "assignments", n.reg.Offset, func(e *feed.AssignmentEntry) bool {
		found = found || e.Pod != nil && e.Pod.Name == "web" && e.Pod.UID == string(p.UID) && e.Pod.Address == p.Status.PodIP
		return e.Mark && e.Offset >= n.reg.Offset
	})
	if !found {
		t.Error("the pod is not among the node's assignments")
	}
	table := feed.NewTable()
	follow := func() {
		t.Helper()
		stream(n, "vips", table.From(), func(e *feed.VIPEntry) bool {
			must(t, table.Take(e))
			return e.Mark
		})
	}
	follow()
	if peers := table.Peers(); len(peers) != 2 || peers[1].PodRange != peers[1].PodRange.Masked() || peers[1].Address.String() != "192.0.2.7" {
		t.Errorf("peers %v", peers)
	}
	before := len(table.Services())
	service := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: "web"}, Spec: corev1.ServiceSpec{Ports: []corev1.ServicePort{{Port: 80}}}}
	service, err := c.admin().CoreV1().Services("default").Create(t.Context(), service, metav1.CreateOptions{})
	must(t, err)
	for len(table.Services()) == before { // it goes on after its mark, and may come before the hub
		follow()
	}
	if v := table.Services()[1]; v.Name != "web" || v.Address.String() != service.Spec.ClusterIP {
		t.Errorf("the service is %+v", v)
	}
}

// bound creates a pod and binds it to the node.
func bound(n *node, want *corev1.Pod) *corev1.Pod {
	n.t.Helper()
	pods := n.admin().CoreV1().Pods("default")
	_, err := pods.Create(n.t.Context(), want, metav1.CreateOptions{})
	must(n.t, err)
	bind := &corev1.Binding{ObjectMeta: metav1.ObjectMeta{Name: want.Name}, Target: corev1.ObjectReference{Kind: "Node", Name: n.name}}
	must(n.t, pods.Bind(n.t.Context(), bind, metav1.CreateOptions{}))
	p, err := pods.Get(n.t.Context(), want.Name, metav1.GetOptions{})
	must(n.t, err)
	return p
}

func TestABundleSaysAsOfWhenItsConfigMapsAre(t *testing.T) {
	c := newCell(t)
	n := c.node("n1")
	maps := c.admin().CoreV1().ConfigMaps("default")
	_, err := maps.Create(t.Context(), configMap("settings", "1"), metav1.CreateOptions{})
	must(t, err)
	want := podOf("web")
	want.Spec.Containers[0].EnvFrom = []corev1.EnvFromSource{{ConfigMapRef: &corev1.ConfigMapEnvSource{LocalObjectReference: corev1.LocalObjectReference{Name: "settings"}}}}
	p := bound(n, want)
	fetch := func() (b feed.Bundle, settings corev1.ConfigMap, pod corev1.Pod) {
		n.exchange("GET", "pods/default/web?uid="+string(p.UID)+"&revision="+p.ResourceVersion, nil, &b)
		must(t, json.Unmarshal(b.ConfigMaps["settings"], &settings))
		must(t, json.Unmarshal(b.Pod, &pod))
		return b, settings, pod
	}
	first, _, _ := fetch()
	changed, err := maps.Update(t.Context(), configMap("settings", "2"), metav1.UpdateOptions{})
	must(t, err)
	p.Labels = map[string]string{"later": "yes"}
	_, err = c.admin().CoreV1().Pods("default").Update(t.Context(), p, metav1.UpdateOptions{})
	must(t, err)
	second, settings, pod := fetch()
	if settings.ResourceVersion != changed.ResourceVersion || second.AsOf <= first.AsOf || second.AsOf.String() < changed.ResourceVersion {
		t.Errorf("config map at %s, wanted %s; as of %s after %s", settings.ResourceVersion, changed.ResourceVersion, second.AsOf, first.AsOf)
	}
	if pod.ResourceVersion != p.ResourceVersion || pod.Labels["later"] != "" {
		t.Errorf("the pod is of %s, its assignment's revision is %s", pod.ResourceVersion, p.ResourceVersion)
	}
}
