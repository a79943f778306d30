package serve

import (
	"net/http"
	"strings"
	"testing"

	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"cairn/projections/apiserver/pki"
)

// grant lets a user get, list and create a resource in default.
func grant(t *testing.T, admin kubernetes.Interface, user, resource string) {
	t.Helper()
	role := &rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Name: user + "-" + resource},
		Rules: []rbacv1.PolicyRule{{Verbs: []string{"get", "list", "create"}, APIGroups: []string{""}, Resources: []string{resource}}}}
	_, err := admin.RbacV1().Roles("default").Create(t.Context(), role, metav1.CreateOptions{})
	must(t, err)
	_, err = admin.RbacV1().RoleBindings("default").Create(t.Context(), &rbacv1.RoleBinding{ObjectMeta: metav1.ObjectMeta{Name: role.Name},
		RoleRef:  rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: role.Name},
		Subjects: []rbacv1.Subject{{Kind: "User", APIGroup: rbacv1.GroupName, Name: user}}}, metav1.CreateOptions{})
	must(t, err)
}

// bindRole gives a user a role of the whole cell.
func bindRole(t *testing.T, admin kubernetes.Interface, user, role string) {
	t.Helper()
	_, err := admin.RbacV1().ClusterRoleBindings().Create(t.Context(), &rbacv1.ClusterRoleBinding{ObjectMeta: metav1.ObjectMeta{Name: user + "-" + strings.ReplaceAll(role, ":", "-")},
		RoleRef:  rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role},
		Subjects: []rbacv1.Subject{{Kind: "User", APIGroup: rbacv1.GroupName, Name: user}}}, metav1.CreateOptions{})
	must(t, err)
}

func can(t *testing.T, client kubernetes.Interface, verb, resource, namespace string) bool {
	t.Helper()
	r, err := client.AuthorizationV1().SelfSubjectAccessReviews().Create(t.Context(), &authorizationv1.SelfSubjectAccessReview{
		Spec: authorizationv1.SelfSubjectAccessReviewSpec{ResourceAttributes: &authorizationv1.ResourceAttributes{Verb: verb, Resource: resource, Namespace: namespace}}}, metav1.CreateOptions{})
	must(t, err)
	return r.Status.Allowed
}

func TestRightsAreGrantedByRBAC(t *testing.T) {
	c := newCell(t)
	admin, bob := c.admin(), c.client("bob", "dev")
	if _, err := bob.CoreV1().Pods("default").List(t.Context(), metav1.ListOptions{}); !apierrors.IsForbidden(err) {
		t.Fatalf("bob may: %v", err)
	}
	if can(t, bob, "list", "pods", "default") {
		t.Error("can-i says yes")
	}
	grant(t, admin, "bob", "pods")
	if _, err := bob.CoreV1().Pods("default").List(t.Context(), metav1.ListOptions{}); err != nil {
		t.Errorf("granted, and yet: %v", err)
	}
	if !can(t, bob, "list", "pods", "default") || can(t, bob, "list", "secrets", "default") {
		t.Error("can-i is wrong")
	}
	who, err := bob.AuthenticationV1().SelfSubjectReviews().Create(t.Context(), &authenticationv1.SelfSubjectReview{}, metav1.CreateOptions{})
	if err != nil || who.Status.UserInfo.Username != "bob" {
		t.Errorf("whoami: %v %v", who, err)
	}
	// The aggregated role "view" holds what roles labelled for it hold.
	_, err = admin.RbacV1().RoleBindings("default").Create(t.Context(), &rbacv1.RoleBinding{ObjectMeta: metav1.ObjectMeta{Name: "eve"},
		RoleRef:  rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "view"},
		Subjects: []rbacv1.Subject{{Kind: "User", APIGroup: rbacv1.GroupName, Name: "eve"}}}, metav1.CreateOptions{})
	must(t, err)
	eve := c.client("eve")
	if !can(t, eve, "list", "configmaps", "default") || can(t, eve, "delete", "configmaps", "default") || can(t, eve, "list", "configmaps", "kube-system") {
		t.Error("view is wrong")
	}
	nobody := kubernetes.NewForConfigOrDie(&rest.Config{Host: "https://" + c.server.Addr(), TLSClientConfig: rest.TLSClientConfig{CAData: c.pki.CertPEM()}})
	if _, err := nobody.CoreV1().Pods("default").List(t.Context(), metav1.ListOptions{}); !apierrors.IsForbidden(err) {
		t.Errorf("anonymous: %v", err)
	}
}

func TestServiceAccountTokensCountWhileTheirAccountLives(t *testing.T) {
	c := newCell(t)
	admin := c.admin()
	_, err := admin.CoreV1().ServiceAccounts("default").Create(t.Context(), &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "robot"}}, metav1.CreateOptions{})
	must(t, err)
	token, err := admin.CoreV1().ServiceAccounts("default").CreateToken(t.Context(), "robot", &authenticationv1.TokenRequest{}, metav1.CreateOptions{})
	must(t, err)
	grant(t, admin, "system:serviceaccount:default:robot", "configmaps")
	robot := kubernetes.NewForConfigOrDie(&rest.Config{Host: "https://" + c.server.Addr(), BearerToken: token.Status.Token,
		TLSClientConfig: rest.TLSClientConfig{CAData: c.pki.CertPEM()}})
	_, err = robot.CoreV1().ConfigMaps("default").Create(t.Context(), configMap("a", "1"), metav1.CreateOptions{})
	must(t, err)
	_, list := c.records()
	if a := list[len(list)-1].Actor; a.ServiceAccount != "default/robot" {
		t.Errorf("recorded as %+v", a)
	}
	review, err := admin.AuthenticationV1().TokenReviews().Create(t.Context(), &authenticationv1.TokenReview{Spec: authenticationv1.TokenReviewSpec{Token: token.Status.Token}}, metav1.CreateOptions{})
	if err != nil || !review.Status.Authenticated {
		t.Errorf("review: %+v %v", review, err)
	}
	must(t, admin.CoreV1().ServiceAccounts("default").Delete(t.Context(), "robot", metav1.DeleteOptions{}))
	if _, err := robot.CoreV1().ConfigMaps("default").Get(t.Context(), "a", metav1.GetOptions{}); !apierrors.IsUnauthorized(err) {
		t.Errorf("its token outlives it: %v", err)
	}
}

func TestNoHeaderAndNoForeignCertificateNamesAUser(t *testing.T) {
	c := newCell(t)
	r, err := http.NewRequestWithContext(t.Context(), "GET", "https://"+c.server.Addr()+"/api/v1/secrets", nil)
	must(t, err)
	for k, v := range map[string]string{"X-Remote-User": "alice", "X-Remote-Group": "system:masters", "X-Forwarded-For": "127.0.0.1", "Authorization": "Bearer e30.e30.e30"} {
		r.Header.Set(k, v)
	}
	h, err := rest.HTTPClientFor(&rest.Config{TLSClientConfig: rest.TLSClientConfig{CAData: c.pki.CertPEM()}})
	must(t, err)
	resp, err := h.Do(r)
	must(t, err)
	resp.Body.Close()
	if resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("a made-up token: %d", resp.StatusCode)
	}
	r.Header.Del("Authorization")
	if resp, err = h.Do(r); err != nil || resp.StatusCode != http.StatusForbidden {
		t.Errorf("headers that name a user: %v %v", resp, err)
	}
	resp.Body.Close()
	other, err := pki.Open(t.TempDir(), "other")
	must(t, err)
	pair, err := other.Issue("alice", "system:masters")
	must(t, err)
	config := &rest.Config{Host: "https://" + c.server.Addr(), TLSClientConfig: rest.TLSClientConfig{CAData: c.pki.CertPEM(), CertData: pair.Cert, KeyData: pair.Key}}
	if _, err := kubernetes.NewForConfigOrDie(config).CoreV1().Secrets("").List(t.Context(), metav1.ListOptions{}); !apierrors.IsUnauthorized(err) {
		t.Errorf("a certificate of another authority: %v", err)
	}
}
