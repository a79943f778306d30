package sandbox

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// Refuse says what of the pod this node does not do; nil where it does it all.
func Refuse(pod *corev1.Pod) error {
	s := &pod.Spec
	no := func(field, instead string) error {
		return fmt.Errorf("%s is not done by this node: %s", field, instead)
	}
	switch {
	case s.HostPID:
		return no("spec.hostPID", "use shareProcessNamespace, or run the program on the host")
	case s.HostUsers != nil && !*s.HostUsers:
		return no("spec.hostUsers: false", "leave it out")
	case s.RuntimeClassName != nil && *s.RuntimeClassName != "":
		return no("spec.runtimeClassName", "runc is the one runtime; leave it out")
	case len(s.EphemeralContainers) > 0:
		return no("spec.ephemeralContainers", "use `kubectl exec`")
	case len(s.ResourceClaims) > 0:
		return no("spec.resourceClaims", "leave it out")
	case s.OS != nil && s.OS.Name != corev1.Linux:
		return no("spec.os.name: "+string(s.OS.Name), "this node runs linux")
	}
	if sc := s.SecurityContext; sc != nil {
		if err := refuseProfiles("spec.securityContext", sc.SeccompProfile, sc.AppArmorProfile, sc.SELinuxOptions); err != nil {
			return err
		}
		for _, c := range sc.Sysctls {
			if !safeSysctl(c.Name, s.HostNetwork, s.HostIPC) {
				return no("sysctl "+c.Name, "only sysctls of the pod's own namespaces (net.*, kernel.shm*, kernel.msg*, kernel.sem, fs.mqueue.*) can be set")
			}
		}
	}
	for _, c := range slices.Concat(s.InitContainers, s.Containers) {
		if err := refuseContainer(s, &c); err != nil {
			return err
		}
	}
	return nil
}

func refuseContainer(s *corev1.PodSpec, c *corev1.Container) error {
	where := "container " + c.Name + ": "
	if len(c.VolumeDevices) > 0 {
		return fmt.Errorf("%svolumeDevices are not done by this node: mount a file system", where)
	}
	for _, p := range c.Ports {
		if p.HostPort != 0 && !s.HostNetwork {
			return fmt.Errorf("%shostPort %d is not done by this node: use hostNetwork or a Service of type NodePort", where, p.HostPort)
		}
	}
	for _, p := range []*corev1.Probe{c.LivenessProbe, c.ReadinessProbe, c.StartupProbe} {
		if p != nil && p.GRPC != nil {
			return fmt.Errorf("%sgrpc probes are not done by this node: use httpGet, tcpSocket or exec", where)
		}
	}
	if sc := c.SecurityContext; sc != nil {
		return refuseProfiles(where+"securityContext", sc.SeccompProfile, sc.AppArmorProfile, sc.SELinuxOptions)
	}
	return nil
}

func refuseProfiles(where string, sec *corev1.SeccompProfile, app *corev1.AppArmorProfile, se *corev1.SELinuxOptions) error {
	switch {
	case sec != nil && sec.Type == corev1.SeccompProfileTypeLocalhost:
		return fmt.Errorf("%s: a seccomp profile of type Localhost is not done by this node: use RuntimeDefault", where)
	case app != nil && app.Type == corev1.AppArmorProfileTypeLocalhost:
		return fmt.Errorf("%s: an AppArmor profile of type Localhost is not done by this node: leave it out", where)
	case se != nil && *se != (corev1.SELinuxOptions{}):
		return fmt.Errorf("%s: seLinuxOptions are not done by this node: leave them out", where)
	}
	return nil
}

func safeSysctl(name string, hostNetwork, hostIPC bool) bool {
	name = strings.ReplaceAll(name, "/", ".")
	if strings.Contains(name, "..") {
		return false
	}
	if strings.HasPrefix(name, "net.") {
		return !hostNetwork
	}
	for _, p := range []string{"kernel.shm", "kernel.msg", "kernel.sem", "fs.mqueue."} {
		if strings.HasPrefix(name, p) {
			return !hostIPC
		}
	}
	return false
}
