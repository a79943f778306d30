package serve

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"

	"cairn/events"
	"cairn/events/feed"
)

// node is a daemon as far as the server sees it.
type node struct {
	*cell
	name string
	reg  feed.Registration
}

func (c *cell) node(name string) *node { return c.nodeAt(name, "192.0.2.7:10250") }

// nodeAt registers a node whose streams are at the address given.
func (c *cell) nodeAt(name, streaming string) *node {
	n := &node{cell: c, name: name}
	n.post("register", feed.NodeInfo{Name: name, Addresses: []string{"192.0.2.7"}, Streaming: streaming, MilliCPU: 4000, MemoryBytes: 8 << 30,
		StorageBytes: 1 << 40, MaxPods: 110, Version: "v0", Labels: map[string]string{"kubernetes.io/hostname": name, "kubernetes.io/os": "linux"}}, &n.reg)
	return n
}

func (n *node) post(what string, in, out any) {
	n.t.Helper()
	b, err := json.Marshal(in)
	must(n.t, err)
	n.exchange("POST", what, b, out)
}

func (n *node) exchange(method, what string, body []byte, out any) {
	n.t.Helper()
	r, err := http.NewRequestWithContext(n.t.Context(), method, "https://"+n.server.Addr()+"/cairn/v1/nodes/"+n.name+"/"+what, bytes.NewReader(body))
	must(n.t, err)
	resp, err := n.http("system:node:"+n.name, "system:nodes").Do(r)
	must(n.t, err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	must(n.t, err)
	if resp.StatusCode != 200 {
		n.t.Fatalf("%s: %d %s", what, resp.StatusCode, b)
	}
	must(n.t, json.Unmarshal(b, out))
}

func (n *node) report(p *corev1.Pod, t events.Type, phase events.Phase, ready bool) feed.ReportAnswer {
	n.t.Helper()
	status, err := json.Marshal(corev1.PodStatus{Phase: corev1.PodPhase(phase.String()),
		ContainerStatuses: []corev1.ContainerStatus{{Name: "c", Ready: ready, Image: "web:1"}}})
	must(n.t, err)
	var a feed.ReportAnswer
	n.post("reports", feed.Report{Type: t, Namespace: p.Namespace, Name: p.Name, UID: string(p.UID), ID: uuid.Must(uuid.NewV7()).String(), Status: status,
		Facts: events.Report{Epoch: 1, Registration: n.reg.Offset, Phase: phase, Ready: ready,
			Incidents: []events.Incident{{Reason: "Started", Message: "Started container c", Container: "c"}}}}, &a)
	return a
}

func TestAPodFromBindingToItsEnd(t *testing.T) {
	c := newCell(t)
	n, admin := c.node("n1"), c.admin()
	pods := admin.CoreV1().Pods("default")
	_, err := admin.CoreV1().ConfigMaps("default").Create(t.Context(), configMap("settings", "1"), metav1.CreateOptions{})
	must(t, err)
	want := podOf("web")
	want.Spec.Containers[0].EnvFrom = []corev1.EnvFromSource{
		{ConfigMapRef: &corev1.ConfigMapEnvSource{LocalObjectReference: corev1.LocalObjectReference{Name: "settings"}}},
		{SecretRef: &corev1.SecretEnvSource{LocalObjectReference: corev1.LocalObjectReference{Name: "absent"}}}}
	p, err := pods.Create(t.Context(), want, metav1.CreateOptions{})
	must(t, err)
	if p.Status.Phase != corev1.PodPending || p.Spec.ServiceAccountName != "default" || len(p.Spec.Volumes) != 1 || len(p.Spec.Tolerations) != 2 {
		t.Fatalf("admitted as %+v", p.Spec)
	}
	bind := &corev1.Binding{ObjectMeta: metav1.ObjectMeta{Name: "web"}, Target: corev1.ObjectReference{Kind: "Node", Name: "n1"}}
	must(t, pods.Bind(t.Context(), bind, metav1.CreateOptions{}))
	if err := pods.Bind(t.Context(), bind, metav1.CreateOptions{}); !apierrors.IsConflict(err) {
		t.Errorf("bound twice: %v", err)
	}
	p, err = pods.Get(t.Context(), "web", metav1.GetOptions{})
	if err != nil || p.Spec.NodeName != "n1" || !strings.HasPrefix(p.Status.PodIP, "10.66.") || p.Status.HostIP != "192.0.2.7" {
		t.Fatalf("placed as %s %s %s (%v)", p.Spec.NodeName, p.Status.PodIP, p.Status.HostIP, err)
	}
	var b feed.Bundle
	n.exchange("GET", "pods/default/web?uid="+string(p.UID)+"&revision="+p.ResourceVersion, nil, &b)
	if len(b.ConfigMaps) != 2 || len(b.Missing) != 1 || b.Missing[0] != "secrets/absent" || b.Token == "" || b.ServiceEnv["KUBERNETES_SERVICE_HOST"] != "10.67.0.1" {
		t.Errorf("bundle: maps %d, missing %v, token %d bytes, env %v", len(b.ConfigMaps), b.Missing, len(b.Token), b.ServiceEnv)
	}
	if a := n.report(p, events.ContainerStarted, events.Running, true); !a.Accepted {
		t.Fatalf("report refused: %+v", a)
	}
	p, err = pods.Get(t.Context(), "web", metav1.GetOptions{})
	if err != nil || p.Status.Phase != corev1.PodRunning || p.Status.QOSClass != corev1.PodQOSBestEffort || len(p.Status.ContainerStatuses) != 1 {
		t.Errorf("reported as %+v (%v)", p.Status, err)
	}
	n.keepsOthersConditions(p)
	story, err := admin.EventsV1().Events("default").List(t.Context(), metav1.ListOptions{FieldSelector: "reason=Started"})
	if err != nil || len(story.Items) != 1 || story.Items[0].Regarding.Name != "web" || story.Items[0].DeprecatedCount != 2 {
		t.Errorf("story: %v (%v)", story, err)
	}
	must(t, admin.PolicyV1().Evictions("default").Evict(t.Context(), &policyv1.Eviction{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "web"}}))
	p, err = pods.Get(t.Context(), "web", metav1.GetOptions{})
	if err != nil || p.DeletionTimestamp == nil {
		t.Fatalf("evicted, and not ending: %v", err)
	}
	if a := n.report(p, events.SandboxRemoved, events.Failed, false); !a.Accepted {
		t.Fatalf("removal refused: %+v", a)
	}
	if _, err := pods.Get(t.Context(), "web", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("still there: %v", err)
	}
	_, list := c.records()
	for _, typ := range []events.Type{events.PodPlaced, events.PodEvicted} {
		found := false
		for _, e := range list {
			found = found || e.Type == typ && e.Subject.Name == "web"
		}
		if !found {
			t.Errorf("no %s on record", typ)
		}
	}
}

// keepsOthersConditions sets a condition that is not the node's; the next
// report must not take it away.
func (n *node) keepsOthersConditions(p *corev1.Pod) {
	n.t.Helper()
	pods := n.admin().CoreV1().Pods(p.Namespace)
	gate := `{"status":{"conditions":[{"type":"example.com/gate","status":"True"}]}}`
	_, err := pods.Patch(n.t.Context(), "web", types.StrategicMergePatchType, []byte(gate), metav1.PatchOptions{}, "status")
	must(n.t, err)
	if a := n.report(p, events.PodReported, events.Running, true); !a.Accepted {
		n.t.Fatalf("report refused: %+v", a)
	}
	p, err = pods.Get(n.t.Context(), "web", metav1.GetOptions{})
	must(n.t, err)
	conditions := ""
	for _, c := range p.Status.Conditions {
		conditions += string(c.Type) + "=" + string(c.Status) + " "
	}
	if conditions != "example.com/gate=True PodScheduled=True Ready=True " {
		n.t.Errorf("conditions %s", conditions)
	}
}

func TestANodeIsKeptToItself(t *testing.T) {
	c := newCell(t)
	n1 := c.node("n1")
	c.node("n2")
	client := c.client("system:node:n1", "system:nodes")
	other, err := c.admin().CoreV1().Nodes().Get(t.Context(), "n2", metav1.GetOptions{})
	must(t, err)
	other.Labels["x"] = "y"
	if _, err := client.CoreV1().Nodes().Update(t.Context(), other, metav1.UpdateOptions{}); !apierrors.IsForbidden(err) {
		t.Errorf("n1 labelled n2: %v", err)
	}
	status, body, _ := get(t, c.http("system:node:n1", "system:nodes"), "https://"+c.server.Addr()+"/cairn/v1/nodes/n2/vips", "application/json")
	if status != 403 {
		t.Errorf("n1 follows n2's feed: %d %s", status, body)
	}
	_, err = c.admin().CoreV1().Secrets("default").Create(t.Context(), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "s"}}, metav1.CreateOptions{})
	must(t, err)
	if _, err := client.CoreV1().Secrets("default").Get(t.Context(), "s", metav1.GetOptions{}); !apierrors.IsForbidden(err) {
		t.Errorf("n1 reads a secret no pod of its needs: %v", err)
	}
	var a feed.HeartbeatAnswer
	n1.post("heartbeat", feed.Heartbeat{Registration: n1.reg.Offset}, &a)
	if !a.Current {
		t.Errorf("heartbeat: %+v", a)
	}
	lease, err := c.admin().CoordinationV1().Leases("kube-node-lease").Get(t.Context(), "n1", metav1.GetOptions{})
	if err != nil || *lease.Spec.HolderIdentity != "n1" {
		t.Errorf("lease: %v (%v)", lease, err)
	}
	node, err := c.admin().CoreV1().Nodes().Get(t.Context(), "n1", metav1.GetOptions{})
	if err != nil || node.Spec.PodCIDR == "" || node.Status.Conditions[0].Status != corev1.ConditionTrue {
		t.Errorf("node: %+v (%v)", node, err)
	}
	// A daemon that starts again registers anew under the same object.
	again := c.node("n1")
	if again.reg.Offset <= n1.reg.Offset || again.reg.PodRange != n1.reg.PodRange {
		t.Errorf("%+v after %+v", again.reg, n1.reg)
	}
}

func TestTheFoldAssignsServiceAddresses(t *testing.T) {
	c := newCell(t)
	services := c.admin().CoreV1().Services("default")
	make := func(name string, change func(*corev1.ServiceSpec)) (*corev1.Service, error) {
		s := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: corev1.ServiceSpec{Selector: map[string]string{"app": name},
			Ports: []corev1.ServicePort{{Port: 80, TargetPort: intstr.FromInt32(8080)}}}}
		change(&s.Spec)
		return services.Create(t.Context(), s, metav1.CreateOptions{})
	}
	a, err := make("a", func(s *corev1.ServiceSpec) { s.Type = corev1.ServiceTypeNodePort })
	must(t, err)
	if !strings.HasPrefix(a.Spec.ClusterIP, "10.67.") || a.Spec.ClusterIPs[0] != a.Spec.ClusterIP || a.Spec.Ports[0].NodePort < 30000 || a.Spec.Ports[0].NodePort > 30100 {
		t.Fatalf("assigned %+v", a.Spec)
	}
	if _, err := make("b", func(s *corev1.ServiceSpec) { s.ClusterIP = a.Spec.ClusterIP }); !apierrors.IsInvalid(err) || !strings.Contains(err.Error(), "taken by") {
		t.Errorf("a taken address: %v", err)
	}
	a.Spec.Selector["tier"] = "front"
	b, err := services.Update(t.Context(), a, metav1.UpdateOptions{})
	if err != nil || b.Spec.ClusterIP != a.Spec.ClusterIP || b.Spec.Ports[0].NodePort != a.Spec.Ports[0].NodePort {
		t.Errorf("an update moved %+v to %+v (%v)", a.Spec, b.Spec, err)
	}
	ends, err := c.admin().CoreV1().Endpoints("default").Get(t.Context(), "a", metav1.GetOptions{})
	if err != nil || ends.CreationTimestamp.IsZero() {
		t.Fatalf("endpoints: %v (%v)", ends, err)
	}
	ends.Labels["mine"] = "yes"
	if _, err := c.admin().CoreV1().Endpoints("default").Update(t.Context(), ends, metav1.UpdateOptions{}); !apierrors.IsForbidden(err) {
		t.Errorf("rendered endpoints were written: %v", err)
	}
	dry := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: "d"}, Spec: corev1.ServiceSpec{Ports: []corev1.ServicePort{{Port: 80}}}}
	dry, err = services.Create(t.Context(), dry, metav1.CreateOptions{DryRun: []string{"All"}})
	if err != nil || !strings.HasPrefix(dry.Spec.ClusterIP, "10.67.") {
		t.Errorf("a dry run shows %+v (%v)", dry.Spec, err)
	}
}

func TestDeploymentsScaleAndNamespacesEnd(t *testing.T) {
	c := newCell(t)
	admin := c.admin()
	_, err := admin.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "shop"}}, metav1.CreateOptions{})
	must(t, err)
	one := int32(1)
	_, err = admin.AppsV1().Deployments("shop").Create(t.Context(), &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Name: "web"}, Spec: appsv1.DeploymentSpec{
		Replicas: &one, Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "web"}},
		Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": "web"}}, Spec: podOf("x").Spec}}}, metav1.CreateOptions{})
	must(t, err)
	scale, err := admin.AppsV1().Deployments("shop").GetScale(t.Context(), "web", metav1.GetOptions{})
	must(t, err)
	scale.Spec.Replicas = 3
	_, err = admin.AppsV1().Deployments("shop").UpdateScale(t.Context(), "web", scale, metav1.UpdateOptions{})
	must(t, err)
	_, list := c.records()
	last := list[len(list)-1]
	if last.Type != events.ObjectUpdated || last.Facts.Workload.Replicas != 3 || last.Facts.Generation != 2 || last.Facts.Deployment == nil {
		t.Fatalf("scaled by %s %+v", last.Type, last.Facts)
	}
	// The rollout reconciler's status is a status.updated record with its claims.
	patch := `{"status":{"observedGeneration":2,"availableReplicas":0,"replicas":9}}`
	status, out, err := c.server.Do(t.Context(), "rollout", nil, "", "PATCH", "/apis/apps/v1/namespaces/shop/deployments/web/status", string(types.MergePatchType), []byte(patch))
	if err != nil || status != 200 {
		t.Fatalf("%d %s %v", status, out, err)
	}
	_, list = c.records()
	if last = list[len(list)-1]; last.Type != events.StatusUpdated || last.Facts.Rollout.ObservedGeneration != 2 || len(last.Parts) != 1 {
		t.Errorf("status by %s %+v", last.Type, last.Facts.Rollout)
	}
	d, err := admin.AppsV1().Deployments("shop").Get(t.Context(), "web", metav1.GetOptions{})
	if err != nil || d.Status.Replicas != 0 {
		t.Errorf("a projected count was written: %+v (%v)", d.Status, err)
	}
	must(t, admin.CoreV1().Namespaces().Delete(t.Context(), "shop", metav1.DeleteOptions{}))
	_, err = admin.CoreV1().ConfigMaps("shop").Create(t.Context(), configMap("late", "1"), metav1.CreateOptions{})
	if !apierrors.IsForbidden(err) || !apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause) {
		t.Errorf("created in an ending namespace: %v", err)
	}
	ns, err := admin.CoreV1().Namespaces().Get(t.Context(), "shop", metav1.GetOptions{})
	if err != nil || ns.Status.Phase != corev1.NamespaceTerminating {
		t.Fatalf("%v (%v)", ns, err)
	}
	ns.Spec.Finalizers = nil
	if _, err := admin.CoreV1().Namespaces().Finalize(t.Context(), ns, metav1.UpdateOptions{}); !apierrors.IsConflict(err) {
		t.Errorf("removed though it holds a deployment: %v", err)
	}
}

func TestSilenceCountsConnectedTimeAlone(t *testing.T) {
	c := newCell(t)
	n := c.node("n1")
	at := time.Now()
	silence := func(after time.Duration, connected bool) time.Duration {
		at = at.Add(after)
		return c.server.Silence(at, connected)["n1"]
	}
	silence(0, true)
	if s := silence(10*time.Second, true); s != 10*time.Second {
		t.Errorf("silent for %s", s)
	}
	if s := silence(time.Hour, false); s != 10*time.Second {
		t.Errorf("time in which the server was cut off counts: %s", s)
	}
	var a feed.HeartbeatAnswer
	n.post("heartbeat", feed.Heartbeat{Registration: n.reg.Offset - 1}, &a)
	if s := silence(0, true); a.Current || s == 0 {
		t.Errorf("a daemon of an older registration keeps the node alive: %+v, %s", a, s)
	}
	n.post("heartbeat", feed.Heartbeat{Registration: n.reg.Offset}, &a)
	if s := silence(time.Second, true); !a.Current || s != time.Second {
		t.Errorf("heard from, and silent for %s", s)
	}
	must(t, c.admin().CoreV1().Nodes().Delete(t.Context(), "n1", metav1.DeleteOptions{}))
	if _, known := c.server.Silence(at, true)["n1"]; known {
		t.Error("a node that is gone is waited for")
	}
}
