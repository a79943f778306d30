package serve

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"

	"cairn/events"
)

func configMap(name, value string) *corev1.ConfigMap {
	return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"value": value}}, Data: map[string]string{"k": value}}
}

func TestWritesAreCheckedAsKubernetesChecksThem(t *testing.T) {
	c := newCell(t)
	client := c.admin()
	maps := client.CoreV1().ConfigMaps("default")
	m, err := maps.Create(t.Context(), configMap("a", "1"), metav1.CreateOptions{})
	must(t, err)

	if _, err := maps.Create(t.Context(), configMap("a", "2"), metav1.CreateOptions{}); !apierrors.IsAlreadyExists(err) {
		t.Errorf("create again: %v", err)
	}
	stale := m.DeepCopy()
	m.Data["k"] = "2"
	if m, err = maps.Update(t.Context(), m, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	stale.Data["k"] = "3"
	if _, err := maps.Update(t.Context(), stale, metav1.UpdateOptions{}); !apierrors.IsConflict(err) {
		t.Errorf("stale update: %v", err)
	}
	rv, position := m.ResourceVersion, c.view.Position().Offset
	if m, err = maps.Update(t.Context(), m, metav1.UpdateOptions{}); err != nil || m.ResourceVersion != rv || c.view.Position().Offset > position+1 {
		t.Errorf("a no-op moved it from %s to %s (%v)", rv, m.ResourceVersion, err)
	}
	if _, err := maps.Create(t.Context(), configMap("b", "1"), metav1.CreateOptions{DryRun: []string{"All"}}); err != nil {
		t.Error(err)
	}
	if _, err := maps.Get(t.Context(), "b", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("a dry run left %v", err)
	}
	patches(t, client)
	strictness(t, client)
	_, err = client.CoreV1().ConfigMaps("nowhere").Create(t.Context(), configMap("a", "1"), metav1.CreateOptions{})
	if !apierrors.IsNotFound(err) || !strings.Contains(err.Error(), "nowhere") {
		t.Errorf("in no namespace: %v", err)
	}
	big := configMap("big", "1")
	big.Data = nil
	big.BinaryData = map[string][]byte{"k": bytes.Repeat([]byte{7}, 1<<20-100)}
	big.Annotations = map[string]string{"a": strings.Repeat("x", 200<<10)}
	if _, err = maps.Create(t.Context(), big, metav1.CreateOptions{}); err != nil {
		t.Errorf("just below upstream's limits: %v", err)
	}
	pod := podOf("large")
	pod.Spec.Containers[0].Env = []corev1.EnvVar{{Name: "BIG", Value: strings.Repeat("x", 1600<<10)}}
	if _, err := client.CoreV1().Pods("default").Create(t.Context(), pod, metav1.CreateOptions{}); !apierrors.IsRequestEntityTooLargeError(err) {
		t.Errorf("larger than a record: %v", err)
	}
}

func patches(t *testing.T, client kubernetes.Interface) {
	t.Helper()
	maps := client.CoreV1().ConfigMaps("default")
	for kind, body := range map[types.PatchType]string{
		types.JSONPatchType:           `[{"op":"add","path":"/data/json","value":"1"}]`,
		types.MergePatchType:          `{"data":{"merge":"1"}}`,
		types.StrategicMergePatchType: `{"data":{"strategic":"1"}}`,
	} {
		if _, err := maps.Patch(t.Context(), "a", kind, []byte(body), metav1.PatchOptions{}); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
	}
	apply := func(who, value string, force bool) error {
		body := fmt.Sprintf(`{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"applied"},"data":{"k":%q}}`, value)
		_, err := maps.Patch(t.Context(), "applied", types.ApplyPatchType, []byte(body), metav1.PatchOptions{FieldManager: who, Force: &force})
		return err
	}
	if err := apply("one", "1", false); err != nil {
		t.Error(err)
	}
	if err := apply("two", "2", false); !apierrors.IsConflict(err) || !strings.Contains(err.Error(), `"one"`) {
		t.Errorf("apply over another's field: %v", err)
	}
	if err := apply("two", "2", true); err != nil {
		t.Error(err)
	}
	m, err := maps.Get(t.Context(), "a", metav1.GetOptions{})
	if err != nil || len(m.Data) != 4 {
		t.Errorf("patched to %v (%v)", m.Data, err)
	}
}

func strictness(t *testing.T, client kubernetes.Interface) {
	t.Helper()
	body := `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"strict"},"dota":{"k":"v"}}`
	err := client.CoreV1().RESTClient().Post().Namespace("default").Resource("configmaps").Param("fieldValidation", "Strict").
		SetHeader("Content-Type", "application/json").Body([]byte(body)).Do(t.Context()).Error()
	if !apierrors.IsBadRequest(err) || !strings.Contains(err.Error(), `unknown field "dota"`) {
		t.Errorf("an unknown field: %v", err)
	}
	pod := podOf("Bad_Name")
	if _, err := client.CoreV1().Pods("default").Create(t.Context(), pod, metav1.CreateOptions{}); !apierrors.IsInvalid(err) {
		t.Errorf("a bad name: %v", err)
	}
	pod = podOf("claims")
	pod.Spec.Volumes = []corev1.Volume{{Name: "v", VolumeSource: corev1.VolumeSource{PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: "c"}}}}
	_, err = client.CoreV1().Pods("default").Create(t.Context(), pod, metav1.CreateOptions{})
	if !apierrors.IsInvalid(err) || !strings.Contains(err.Error(), "spec.volumes[0].persistentVolumeClaim") {
		t.Errorf("what is not done is not named: %v", err)
	}
}

func podOf(name string) *corev1.Pod {
	return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"app": "web"}},
		Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "c", Image: "web:1"}}}}
}

func TestASecretIsNeitherRawNorBase64InTheLedger(t *testing.T) {
	c := newCell(t)
	secrets := c.admin().CoreV1().Secrets("default")
	const value = "correct-horse-battery-staple"
	b64 := base64.StdEncoding.EncodeToString([]byte(value))
	_, err := secrets.Create(t.Context(), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "client",
		Annotations: map[string]string{corev1.LastAppliedConfigAnnotation: `{"data":{"p":"` + b64 + `"}}`}}, Data: map[string][]byte{"p": []byte(value)}}, metav1.CreateOptions{})
	must(t, err)
	body := `{"apiVersion":"v1","kind":"Secret","metadata":{"name":"server"},"stringData":{"p":"` + value + `"}}`
	_, err = secrets.Patch(t.Context(), "server", types.ApplyPatchType, []byte(body), metav1.PatchOptions{FieldManager: "t"})
	must(t, err)
	_, err = secrets.Patch(t.Context(), "server", types.MergePatchType, []byte(`{"data":{"q":"`+b64+`"}}`), metav1.PatchOptions{})
	must(t, err)
	got, err := secrets.Get(t.Context(), "server", metav1.GetOptions{})
	must(t, err)
	if string(got.Data["p"]) != value || string(got.Data["q"]) != value {
		t.Fatalf("read back %q", got.Data)
	}
	raw, list := c.records()
	encrypted := 0
	for i, r := range raw {
		if bytes.Contains(r.Data, []byte(value)) || bytes.Contains(r.Data, []byte(b64)) {
			t.Errorf("record %d (%s) shows the value", i, list[i].Type)
		}
		if list[i].Subject.Kind == events.Secrets && list[i].Part(events.Spec).Key != "" {
			encrypted++
		}
	}
	if encrypted != 3 {
		t.Errorf("%d encrypted records, want 3", encrypted)
	}
}

func TestRecordsNameWhoDidIt(t *testing.T) {
	c := newCell(t)
	_, err := c.client("carol", "system:masters").CoreV1().ConfigMaps("default").Create(t.Context(), configMap("a", "1"), metav1.CreateOptions{})
	must(t, err)
	as := c.config("carol", "system:masters")
	as.Impersonate.UserName, as.Impersonate.Groups = "system:node:n1", []string{"system:masters", "system:nodes"}
	_, err = kubernetes.NewForConfigOrDie(as).CoreV1().ConfigMaps("default").Create(t.Context(), configMap("c", "1"), metav1.CreateOptions{})
	must(t, err)
	status, out, err := c.server.Do(t.Context(), "namespaces", []events.Offset{3}, "the namespace is new", "POST", "/api/v1/namespaces/kube-public/configmaps",
		"application/json", []byte(`{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"b"}}`))
	if err != nil || status != 201 {
		t.Fatalf("%d %s %v", status, out, err)
	}
	status, _, err = c.server.Do(t.Context(), "scheduler", nil, "", "DELETE", "/api/v1/namespaces/kube-public/configmaps/b", "", nil)
	if err != nil || status != 403 {
		t.Fatalf("a scheduler may delete config maps: %d %v", status, err)
	}
	_, list := c.records()
	find := func(name string) *events.Event {
		for _, e := range list {
			if e.Subject.Name == name && e.Type == events.ObjectCreated && e.Subject.Kind == events.ConfigMaps {
				return e
			}
		}
		t.Fatalf("no record of %s", name)
		return nil
	}
	if a := find("a").Actor; a.User != "carol" || a.Address != "127.0.0.1" || a.Agent != "test/carol" || a.Who() != "carol from 127.0.0.1" {
		t.Errorf("%+v", a)
	}
	if a := find("c").Actor; a.User != "carol as system:node:n1" || a.Node != "" {
		t.Errorf("impersonating: %+v", a)
	}
	b := find("b")
	if b.Actor.Who() != "reconciler namespaces" || len(b.Cause) != 1 || b.Cause[0] != 3 || b.Reason != "the namespace is new" {
		t.Errorf("%+v", b)
	}
	eventually(t, "the refusal is on record", func() bool {
		_, list = c.records()
		last := list[len(list)-1]
		return last.Type == events.RequestRefused && last.Facts.Denial.Status == 403 && last.Actor.Reconciler == "scheduler"
	})
}
