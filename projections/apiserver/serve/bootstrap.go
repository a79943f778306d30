package serve

import (
	"context"
	"net"
	"reflect"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/kubernetes"

	"cairn/events"
	"cairn/projections/apiserver/authz"
	"cairn/projections/apiserver/calls"
	"cairn/projections/kinds"
)

var firstNamespaces = []string{metav1.NamespaceDefault, metav1.NamespaceSystem, metav1.NamespacePublic, "kube-node-lease"}

// bootstrap creates what every cell has and is missing. Several servers may do
// so at once: what another one created meanwhile is there.
func (s *Server) bootstrap(ctx context.Context) error {
	if err := s.engine.Cell().ReadPoint(ctx); err != nil {
		return err
	}
	if err := s.known().Register(calls.With(ctx, &calls.Call{Agent: "cairn/" + Version})); err != nil {
		return err
	}
	ctx = calls.With(ctx, &calls.Call{Reason: "every cell has it", Agent: "cairn/" + Version})
	client := s.ClientFor(system())
	for _, step := range []func(context.Context, kubernetes.Interface) error{s.spaces, s.policy, s.kubernetes} {
		if err := step(ctx, client); err != nil {
			return err
		}
	}
	return nil
}

func (s *Server) has(kind, namespace, name string) bool {
	_, err := s.engine.Get(kind, namespace, name, 0)
	return err == nil
}

func missing(err error) error {
	if apierrors.IsAlreadyExists(err) {
		return nil
	}
	return err
}

func (s *Server) spaces(ctx context.Context, client kubernetes.Interface) error {
	for _, ns := range firstNamespaces {
		if !s.has(events.Namespaces, "", ns) {
			_, err := client.CoreV1().Namespaces().Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: ns}}, metav1.CreateOptions{})
			if missing(err) != nil {
				return err
			}
		}
		if !s.has(events.ServiceAccounts, ns, "default") {
			_, err := client.CoreV1().ServiceAccounts(ns).Create(ctx, &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "default"}}, metav1.CreateOptions{})
			if missing(err) != nil {
				return err
			}
		}
		if !s.has(events.ConfigMaps, ns, RootCA) {
			_, err := client.CoreV1().ConfigMaps(ns).Create(ctx, s.rootCA(), metav1.CreateOptions{})
			if missing(err) != nil {
				return err
			}
		}
	}
	return nil
}

// RootCA names the config map with the cell's authority in every namespace.
const RootCA = "kube-root-ca.crt"

func (s *Server) rootCA() *corev1.ConfigMap {
	return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: RootCA}, Data: map[string]string{"ca.crt": string(s.config.PKI.CertPEM())}}
}

func (s *Server) policy(ctx context.Context, client kubernetes.Interface) error {
	p, rbac := authz.Bootstrap(), client.RbacV1()
	for i := range p.ClusterRoles {
		want := &p.ClusterRoles[i]
		o, err := s.engine.Get(kinds.ClusterRoles, "", want.Name, 0)
		if err != nil {
			if _, err = rbac.ClusterRoles().Create(ctx, want, metav1.CreateOptions{}); missing(err) != nil {
				return err
			}
			continue
		}
		have := o.(*rbacv1.ClusterRole)
		if have.Annotations[rbacv1.AutoUpdateAnnotationKey] == "false" || reflect.DeepEqual(have.Rules, want.Rules) || want.AggregationRule != nil {
			continue
		}
		have = have.DeepCopy()
		have.Rules = want.Rules
		if _, err := rbac.ClusterRoles().Update(ctx, have, metav1.UpdateOptions{}); err != nil && !apierrors.IsConflict(err) {
			return err
		}
	}
	for i := range p.ClusterRoleBindings {
		want := &p.ClusterRoleBindings[i]
		if !s.has(kinds.ClusterRoleBindings, "", want.Name) {
			if _, err := rbac.ClusterRoleBindings().Create(ctx, want, metav1.CreateOptions{}); missing(err) != nil {
				return err
			}
		}
	}
	return nil
}

// kubernetes makes the service by which pods reach the server, where they can.
func (s *Server) kubernetes(ctx context.Context, client kubernetes.Interface) error {
	const name = "kubernetes"
	_, port, err := net.SplitHostPort(s.Addr())
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		return err
	}
	labels := map[string]string{"component": "apiserver", "provider": "kubernetes"}
	if !s.has(events.Services, metav1.NamespaceDefault, name) {
		svc := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels}, Spec: corev1.ServiceSpec{ClusterIP: s.apiAddress(),
			Ports: []corev1.ServicePort{{Name: "https", Port: 443, Protocol: corev1.ProtocolTCP, TargetPort: intstr.FromInt32(int32(n))}}}}
		if _, err := client.CoreV1().Services(metav1.NamespaceDefault).Create(ctx, svc, metav1.CreateOptions{}); missing(err) != nil {
			return err
		}
	}
	ip := net.ParseIP(s.config.Advertise)
	if ip == nil || ip.IsLoopback() {
		return nil // pods could not reach it
	}
	subsets := []corev1.EndpointSubset{{Addresses: []corev1.EndpointAddress{{IP: ip.String()}},
		Ports: []corev1.EndpointPort{{Name: "https", Port: int32(n), Protocol: corev1.ProtocolTCP}}}}
	o, err := s.engine.Get(events.Endpoints, metav1.NamespaceDefault, name, 0)
	if err != nil {
		e := &corev1.Endpoints{ObjectMeta: metav1.ObjectMeta{Name: name}, Subsets: subsets}
		_, err = client.CoreV1().Endpoints(metav1.NamespaceDefault).Create(ctx, e, metav1.CreateOptions{})
		return missing(err)
	}
	e := o.(*corev1.Endpoints)
	if reflect.DeepEqual(e.Subsets, subsets) {
		return nil
	}
	e = e.DeepCopy()
	e.Subsets = subsets
	_, err = client.CoreV1().Endpoints(metav1.NamespaceDefault).Update(ctx, e, metav1.UpdateOptions{})
	return err
}
