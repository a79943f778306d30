package authn

import (
	"context"
	"crypto/x509"
	"net/http"
	"time"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/authentication/authenticator"
	"k8s.io/apiserver/pkg/authentication/group"
	"k8s.io/apiserver/pkg/authentication/request/anonymous"
	"k8s.io/apiserver/pkg/authentication/request/bearertoken"
	"k8s.io/apiserver/pkg/authentication/request/union"
	certs "k8s.io/apiserver/pkg/authentication/request/x509"
	"k8s.io/kubernetes/pkg/serviceaccount"

	"cairn/events"
	"cairn/projections/apiserver/calls"
	"cairn/projections/apiserver/pki"
	"cairn/projections/apiserver/storage"
	"cairn/projections/kinds"
)

// Issuer is what service account tokens name as theirs, and whom they are for.
const Issuer = "https://kubernetes.default.svc"

// Authn is how a cell authenticates.
type Authn struct {
	Requests authenticator.Request
	Tokens   serviceaccount.TokenGenerator
	Audience authenticator.Audiences
}

// New builds it from the cell's authority over what engine reads.
func New(a *pki.Authority, engine *storage.Engine) (*Authn, error) {
	key, err := a.TokenKey()
	if err != nil {
		return nil, err
	}
	tokens, err := serviceaccount.JWTTokenGenerator(Issuer, key)
	if err != nil {
		return nil, err
	}
	public, err := serviceaccount.StaticPublicKeysGetter([]any{key.Public()})
	if err != nil {
		return nil, err
	}
	audience := authenticator.Audiences{Issuer}
	jwt := serviceaccount.JWTTokenAuthenticator([]string{Issuer}, public, audience, serviceaccount.NewValidator(getter{engine}))
	verify := certs.DefaultVerifyOptions()
	verify.Roots = a.Pool()
	verify.KeyUsages = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	known := group.NewAuthenticatedGroupAdder(union.New(
		authenticator.RequestFunc(inProcess),
		&certificates{verify: certs.NewDynamic(certs.StaticVerifierFn(verify), certs.CommonNameUserConversion), now: time.Now},
		bearertoken.New(jwt),
	))
	return &Authn{Requests: union.NewFailOnError(known, anonymous.NewAuthenticator(nil)), Tokens: tokens, Audience: audience}, nil
}

func inProcess(r *http.Request) (*authenticator.Response, bool, error) {
	if u := calls.From(r.Context()).Trusted; u != nil {
		return &authenticator.Response{User: u}, true, nil
	}
	return nil, false, nil
}

// getter looks up what tokens are bound to.
type getter struct{ engine *storage.Engine }

func get[T kinds.Object](g getter, kind, namespace, name string) (t T, err error) {
	o, err := g.engine.Get(kind, namespace, name, 0)
	if storage.IsNotFound(err) {
		return t, apierrors.NewNotFound(schema.ParseGroupResource(kind), name)
	}
	if err != nil {
		return t, err
	}
	return o.(T), nil
}

func (g getter) GetServiceAccount(_ context.Context, ns, name string) (*corev1.ServiceAccount, error) {
	return get[*corev1.ServiceAccount](g, events.ServiceAccounts, ns, name)
}

func (g getter) GetPod(_ context.Context, ns, name string) (*corev1.Pod, error) {
	return get[*corev1.Pod](g, events.Pods, ns, name)
}

func (g getter) GetSecret(_ context.Context, ns, name string) (*corev1.Secret, error) {
	return get[*corev1.Secret](g, events.Secrets, ns, name)
}

func (g getter) GetNode(_ context.Context, name string) (*corev1.Node, error) {
	return get[*corev1.Node](g, events.Nodes, "", name)
}

func (getter) GetValidatingWebhookConfiguration(_ context.Context, name string) (*admissionv1.ValidatingWebhookConfiguration, error) {
	return nil, apierrors.NewNotFound(schema.GroupResource{Group: "admissionregistration.k8s.io", Resource: "validatingwebhookconfigurations"}, name)
}

func (getter) GetMutatingWebhookConfiguration(_ context.Context, name string) (*admissionv1.MutatingWebhookConfiguration, error) {
	return nil, apierrors.NewNotFound(schema.GroupResource{Group: "admissionregistration.k8s.io", Resource: "mutatingwebhookconfigurations"}, name)
}
