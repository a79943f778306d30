package kinds

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// ServiceEnv adds the variables by which containers find a service, as
// Kubernetes and Docker's links named them; nothing for headless ones.
func ServiceEnv(s *corev1.Service, env map[string]string) {
	ip := s.Spec.ClusterIP
	if ip == "" || ip == corev1.ClusterIPNone || len(s.Spec.Ports) == 0 {
		return
	}
	name := strings.ToUpper(strings.ReplaceAll(s.Name, "-", "_"))
	first := s.Spec.Ports[0]
	env[name+"_SERVICE_HOST"] = ip
	env[name+"_SERVICE_PORT"] = fmt.Sprint(first.Port)
	env[name+"_PORT"] = fmt.Sprintf("%s://%s:%d", strings.ToLower(string(first.Protocol)), ip, first.Port)
	for _, p := range s.Spec.Ports {
		if p.Name != "" {
			env[name+"_SERVICE_PORT_"+strings.ToUpper(strings.ReplaceAll(p.Name, "-", "_"))] = fmt.Sprint(p.Port)
		}
		proto := strings.ToLower(string(p.Protocol))
		link := fmt.Sprintf("%s_PORT_%d_%s", name, p.Port, strings.ToUpper(proto))
		env[link] = fmt.Sprintf("%s://%s:%d", proto, ip, p.Port)
		env[link+"_PROTO"], env[link+"_PORT"], env[link+"_ADDR"] = proto, fmt.Sprint(p.Port), ip
	}
}
