package kinds

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"cairn/events"
	"cairn/projections/view"
)

func services() *Kind {
	return &Kind{
		Name: events.Services, Version: core.WithKind("Service"), Namespaced: true, Said: "service", Short: []string{"svc"},
		New: func() Object { return &corev1.Service{} }, Extract: extractService, Render: renderService, Strip: stripService,
		Refuse: func(o Object, c *Complaints) { c.service(&o.(*corev1.Service).Spec, field.NewPath("spec")) },
		Life: []Share{{"spec.clusterIP", Fold}, {"spec.clusterIPs", Fold}, {"spec.ports[].nodePort", Fold},
			{"its endpoint slices", Fold}},
	}
}

func extractService(in Object, _ Before, f *events.Facts) {
	s := &in.(*corev1.Service).Spec
	v := &events.Service{
		Type: string(s.Type), Selector: pairs(s.Selector), Headless: s.ClusterIP == corev1.ClusterIPNone,
		PublishNotReady: s.PublishNotReadyAddresses, ExternalName: s.ExternalName,
	}
	if !v.Headless {
		v.ClusterIP = s.ClusterIP
	}
	if s.SessionAffinity == corev1.ServiceAffinityClientIP {
		v.StickySeconds = 10800
		if c := s.SessionAffinityConfig; c != nil && c.ClientIP != nil && c.ClientIP.TimeoutSeconds != nil {
			v.StickySeconds = uint64(*c.ClientIP.TimeoutSeconds)
		}
	}
	for _, p := range s.Ports {
		q := events.ServicePort{Name: p.Name, Protocol: string(p.Protocol), Port: uint64(p.Port), NodePort: uint64(p.NodePort)}
		switch {
		case p.TargetPort.Type == intstr.String:
			q.TargetName = p.TargetPort.StrVal
		case p.TargetPort.IntVal != 0:
			q.Target = uint64(p.TargetPort.IntVal)
		default:
			q.Target = uint64(p.Port)
		}
		if p.AppProtocol != nil {
			q.AppProtocol = *p.AppProtocol
		}
		v.Ports = append(v.Ports, q)
	}
	f.Service = v
}

// renderService shows the addresses that the fold gave out.
func renderService(o Object, v *view.Object, _ Reader) (Object, error) {
	s := o.(*corev1.Service)
	if v.Projected == nil || v.Projected.Service == nil {
		return o, nil
	}
	p := v.Projected.Service
	if p.ClusterIP != "" {
		s.Spec.ClusterIP, s.Spec.ClusterIPs = p.ClusterIP, []string{p.ClusterIP}
	}
	s.Spec.Ports = slices.Clone(s.Spec.Ports)
	for i := range s.Spec.Ports {
		if i < len(p.NodePorts) {
			s.Spec.Ports[i].NodePort = int32(p.NodePorts[i])
		}
	}
	return o, nil
}

// stripService leaves empty what the fold assigned, so that only a claim of the
// user's own stands in the stored object and in the facts.
func stripService(in, shown, stored Object) {
	s := in.(*corev1.Service)
	vacate(&s.Spec)
	if shown == nil {
		return
	}
	was, below := shown.(*corev1.Service), stored.(*corev1.Service)
	if s.Spec.ClusterIP == was.Spec.ClusterIP {
		s.Spec.ClusterIP, s.Spec.ClusterIPs = below.Spec.ClusterIP, below.Spec.ClusterIPs
	}
	s.Spec.Ports = slices.Clone(s.Spec.Ports)
	for i := range s.Spec.Ports {
		p := &s.Spec.Ports[i]
		for j, q := range was.Spec.Ports {
			if p.Port == q.Port && p.Protocol == q.Protocol && p.NodePort == q.NodePort && j < len(below.Spec.Ports) {
				p.NodePort = below.Spec.Ports[j].NodePort
			}
		}
	}
}

// UnassignedIP and UnassignedPort stand, between the registry and the storage,
// for what the user left empty: only the fold assigns.
const (
	UnassignedIP   = "255.255.255.255"
	UnassignedPort = 65535
)

// vacate empties what the registry's allocators filled with a stand-in.
func vacate(s *corev1.ServiceSpec) {
	if s.ClusterIP == UnassignedIP {
		s.ClusterIP, s.ClusterIPs = "", nil
	}
	if s.HealthCheckNodePort == UnassignedPort {
		s.HealthCheckNodePort = 0
	}
	s.Ports = slices.Clone(s.Ports)
	for i := range s.Ports {
		if s.Ports[i].NodePort == UnassignedPort {
			s.Ports[i].NodePort = 0
		}
	}
}
