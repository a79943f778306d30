package nodeapi

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/endpoints/request"

	"cairn/events"
	"cairn/events/feed"
	"cairn/projections/apiserver/storage"
	"cairn/projections/kinds"
)

// tokenSeconds is how long a pod's token lives; the daemon fetches anew before.
const tokenSeconds = 24 * 3600

// bundle gives a pod as of the revision that its assignment names, and what it
// takes to run it as of the newest revision here: a pod may wait for what is
// made after it, and its volumes follow their objects, as a kubelet's do. All
// of that is of one moment, which the bundle names.
func (a *API) bundle(w http.ResponseWriter, r *http.Request, node, rest string) {
	ns, name, _ := strings.Cut(rest, "/")
	q := r.URL.Query()
	rev, _ := strconv.ParseUint(q.Get("revision"), 10, 64)
	pod, err := a.placed(r.Context(), node, ns, name, q.Get("uid"), events.Revision(rev))
	if err != nil {
		fail(w, r, err)
		return
	}
	b, err := a.collect(r.Context(), pod)
	if err != nil {
		fail(w, r, err)
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	write(w, b)
}

// placed checks that the pod is this node's now, and reads it as of rev.
func (a *API) placed(ctx context.Context, node, ns, name, uid string, rev events.Revision) (*corev1.Pod, error) {
	pods := schema.GroupResource{Resource: events.Pods}
	cell := a.Cell
	if err := cell.Wait(ctx, rev.Offset(cell.Position().R0)); rev != 0 && err != nil {
		return nil, apierrors.NewServiceUnavailable("the view has not reached that revision: " + err.Error())
	}
	o, err := cell.Get(events.Ref{Kind: events.Pods, Namespace: ns, Name: name}, 0)
	if err != nil || uid != "" && o.UID != uid {
		return nil, apierrors.NewNotFound(pods, name)
	}
	if o.Projected == nil || o.Projected.Pod == nil || o.Projected.Pod.Node != node || o.Projected.Pod.Placed == 0 {
		return nil, apierrors.NewForbidden(pods, name, errElsewhere)
	}
	obj, err := a.Objects.Get(events.Pods, ns, name, rev)
	if storage.IsNotFound(err) {
		return nil, apierrors.NewNotFound(pods, name)
	}
	if err != nil {
		return nil, apierrors.NewInternalError(err)
	}
	return obj.(*corev1.Pod), nil
}

type elsewhere struct{}

func (elsewhere) Error() string { return "the pod is not placed on this node" }

var errElsewhere = elsewhere{}

func (a *API) collect(ctx context.Context, pod *corev1.Pod) (*feed.Bundle, error) {
	at := a.Cell.Position().Revision()
	b := &feed.Bundle{AsOf: at, ConfigMaps: map[string]json.RawMessage{}, Secrets: map[string]json.RawMessage{}, CA: string(a.CA)}
	var err error
	if b.Pod, err = json.Marshal(pod); err != nil {
		return nil, apierrors.NewInternalError(err)
	}
	n := namesOf(&pod.Spec)
	for _, p := range []struct {
		kind string
		want map[string]bool
		into map[string]json.RawMessage
	}{{events.ConfigMaps, n.configMaps, b.ConfigMaps}, {events.Secrets, n.secrets, b.Secrets}} {
		for name, needed := range p.want {
			o, err := a.Objects.Get(p.kind, pod.Namespace, name, at)
			if storage.IsNotFound(err) {
				if needed {
					b.Missing = append(b.Missing, p.kind+"/"+name)
				}
				continue
			}
			if err != nil {
				return nil, apierrors.NewInternalError(err)
			}
			if p.into[name], err = json.Marshal(o); err != nil {
				return nil, apierrors.NewInternalError(err)
			}
		}
	}
	slices.Sort(b.Missing)
	for _, s := range pod.Spec.ImagePullSecrets {
		if _, ok := b.Secrets[s.Name]; ok {
			b.PullSecrets = append(b.PullSecrets, s.Name)
		}
	}
	if b.ServiceEnv, err = a.serviceEnv(pod, at); err != nil {
		return nil, apierrors.NewInternalError(err)
	}
	if n.token {
		err = a.token(ctx, pod, n.audience, b)
	}
	return b, err
}

func (a *API) token(ctx context.Context, pod *corev1.Pod, audience string, b *feed.Bundle) error {
	u, _ := request.UserFrom(ctx)
	seconds := int64(tokenSeconds)
	req := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{ExpirationSeconds: &seconds,
		BoundObjectRef: &authenticationv1.BoundObjectReference{APIVersion: "v1", Kind: "Pod", Name: pod.Name, UID: pod.UID}}}
	if audience != "" {
		req.Spec.Audiences = []string{audience}
	}
	t, err := a.Client(u).CoreV1().ServiceAccounts(pod.Namespace).CreateToken(ctx, pod.Spec.ServiceAccountName, req, metav1.CreateOptions{})
	if apierrors.IsNotFound(err) {
		b.Missing = append(b.Missing, events.ServiceAccounts+"/"+pod.Spec.ServiceAccountName)
		return nil
	}
	if err != nil {
		return err
	}
	b.Token, b.TokenExpires = t.Status.Token, t.Status.ExpirationTimestamp.Unix()
	return nil
}

// serviceEnv is what Kubernetes puts into every container about services.
func (a *API) serviceEnv(pod *corev1.Pod, at events.Revision) (map[string]string, error) {
	env := map[string]string{}
	links := pod.Spec.EnableServiceLinks == nil || *pod.Spec.EnableServiceLinks
	if links {
		list, err := a.Objects.List(events.Services, pod.Namespace, at)
		if err != nil {
			return nil, err
		}
		for _, o := range list {
			kinds.ServiceEnv(o.(*corev1.Service), env)
		}
	}
	if _, ok := env["KUBERNETES_SERVICE_HOST"]; !ok {
		if o, err := a.Objects.Get(events.Services, metav1.NamespaceDefault, "kubernetes", at); err == nil {
			kinds.ServiceEnv(o.(*corev1.Service), env)
		}
	}
	return env, nil
}
