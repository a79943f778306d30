package serve

import (
	"context"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"cairn/events"
)

// What a client was told goes on record, but nothing that could quote a secret.
func TestARefusalOnRecordSaysWhatTheClientWasTold(t *testing.T) {
	c := newCell(t)
	core := c.admin().CoreV1()
	_, err := core.ServiceAccounts("default").Update(t.Context(), &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "default", ResourceVersion: "5"}}, metav1.UpdateOptions{})
	if !apierrors.IsConflict(err) {
		t.Fatal(err)
	}
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "s"}, Data: map[string][]byte{"not a key!": []byte("v")}}
	if _, err := core.Secrets("default").Create(t.Context(), secret, metav1.CreateOptions{}); !apierrors.IsInvalid(err) {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	c.server.Close(ctx) // which writes what was counted
	found := map[string]string{}
	_, list := c.records()
	for _, e := range list {
		if e.Type == events.RequestRefused {
			found[e.Subject.Kind] = e.Reason
		}
	}
	if got := found[events.ServiceAccounts]; !strings.Contains(got, "the object has been modified") {
		t.Errorf("the stale update's reason: %q", got)
	}
	if got := found[events.Secrets]; got != "Unprocessable Entity" {
		t.Errorf("the invalid secret's reason: %q", got)
	}
}
