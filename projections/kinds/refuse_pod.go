package kinds

import (
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

func (c *Complaints) pod(s *corev1.PodSpec, p *field.Path) {
	c.volumes(s.Volumes, p.Child("volumes"))
	if a := s.Affinity; a != nil {
		c.affinity(a, p.Child("affinity"))
	}
	for i, t := range s.TopologySpreadConstraints {
		at := p.Child("topologySpreadConstraints").Index(i)
		if t.WhenUnsatisfiable == corev1.DoNotSchedule {
			c.refuse(at, "spreading that must be satisfied")
		} else {
			c.warn(at, "not weighed yet; pods of one set are spread over nodes anyway")
		}
	}
	for i, k := range s.InitContainers {
		c.container(s, &k, p.Child("initContainers").Index(i))
	}
	for i, k := range s.Containers {
		c.container(s, &k, p.Child("containers").Index(i))
	}
	c.places(s, p)
	if sc := s.SecurityContext; sc != nil {
		c.profiles(sc.SeccompProfile, sc.AppArmorProfile, sc.SELinuxOptions, p.Child("securityContext"))
	}
	if s.PriorityClassName != "" {
		c.warn(p.Child("priorityClassName"), "priority classes are not served; pods are not preempted")
	}
	if s.ActiveDeadlineSeconds != nil {
		c.refuse(p.Child("activeDeadlineSeconds"), "a deadline for the pod")
	}
	if s.SetHostnameAsFQDN != nil && *s.SetHostnameAsFQDN {
		c.refuse(p.Child("setHostnameAsFQDN"), "a full domain name as host name")
	}
	if s.Resources != nil {
		c.refuse(p.Child("resources"), "resources of the pod as a whole")
	}
}

// places refuses other worlds than the node's own for the pod to run in.
func (c *Complaints) places(s *corev1.PodSpec, p *field.Path) {
	if len(s.ResourceClaims) > 0 {
		c.refuse(p.Child("resourceClaims"), "dynamic resource allocation")
	}
	if len(s.EphemeralContainers) > 0 {
		c.refuse(p.Child("ephemeralContainers"), "an ephemeral container")
	}
	if s.RuntimeClassName != nil && *s.RuntimeClassName != "" {
		c.refuse(p.Child("runtimeClassName"), "a runtime class")
	}
	if s.HostUsers != nil && !*s.HostUsers {
		c.refuse(p.Child("hostUsers"), "a user namespace of its own")
	}
	if s.HostPID {
		c.refuse(p.Child("hostPID"), "the host's process namespace")
	}
	if s.OS != nil && s.OS.Name != corev1.Linux {
		c.refuse(p.Child("os", "name"), "an operating system other than linux")
	}
	if len(s.SchedulingGates) > 0 {
		c.refuse(p.Child("schedulingGates"), "a scheduling gate")
	}
}

func (c *Complaints) affinity(a *corev1.Affinity, p *field.Path) {
	const ignored = "a preference that the scheduler does not weigh yet"
	if n := a.NodeAffinity; n != nil {
		if n.RequiredDuringSchedulingIgnoredDuringExecution != nil {
			c.refuse(p.Child("nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution"), "required node affinity (use nodeSelector)")
		}
		if len(n.PreferredDuringSchedulingIgnoredDuringExecution) > 0 {
			c.warn(p.Child("nodeAffinity"), ignored)
		}
	}
	if n := a.PodAffinity; n != nil {
		if len(n.RequiredDuringSchedulingIgnoredDuringExecution) > 0 {
			c.refuse(p.Child("podAffinity", "requiredDuringSchedulingIgnoredDuringExecution"), "required pod affinity")
		} else {
			c.warn(p.Child("podAffinity"), ignored)
		}
	}
	if n := a.PodAntiAffinity; n != nil {
		if len(n.RequiredDuringSchedulingIgnoredDuringExecution) > 0 {
			c.refuse(p.Child("podAntiAffinity", "requiredDuringSchedulingIgnoredDuringExecution"), "required pod anti-affinity")
		} else {
			c.warn(p.Child("podAntiAffinity"), ignored)
		}
	}
}

func (c *Complaints) volumes(list []corev1.Volume, p *field.Path) {
	for i, v := range list {
		at := p.Index(i)
		switch {
		case v.EmptyDir != nil:
			if v.EmptyDir.Medium != "" && v.EmptyDir.Medium != corev1.StorageMediumMemory {
				c.refuse(at.Child("emptyDir", "medium"), "medium "+string(v.EmptyDir.Medium))
			}
		case v.HostPath != nil, v.ConfigMap != nil, v.Secret != nil:
		case v.Projected != nil:
			for j, s := range v.Projected.Sources {
				if t := s.ServiceAccountToken; t != nil && t.Audience != "" {
					c.refuse(at.Child("projected", "sources").Index(j).Child("serviceAccountToken", "audience"), "a token for another audience")
				}
				if s.ClusterTrustBundle != nil || s.PodCertificate != nil {
					c.refuse(at.Child("projected", "sources").Index(j), "a trust bundle or pod certificate")
				}
			}
		case v.DownwardAPI != nil:
		case v.PersistentVolumeClaim != nil:
			c.refuse(at.Child("persistentVolumeClaim"), "a persistent volume claim")
		case v.Ephemeral != nil:
			c.refuse(at.Child("ephemeral"), "an ephemeral volume claim")
		default:
			c.refuse(at, "a volume of this type")
		}
	}
}

func (c *Complaints) container(s *corev1.PodSpec, k *corev1.Container, p *field.Path) {
	if len(k.VolumeDevices) > 0 {
		c.refuse(p.Child("volumeDevices"), "a block device")
	}
	for i, q := range k.Ports {
		if q.HostPort != 0 && !s.HostNetwork {
			c.refuse(p.Child("ports").Index(i).Child("hostPort"), "a host port without hostNetwork (use a Service of type NodePort)")
		}
	}
	c.probe(k.LivenessProbe, p.Child("livenessProbe"))
	c.probe(k.ReadinessProbe, p.Child("readinessProbe"))
	c.probe(k.StartupProbe, p.Child("startupProbe"))
	if l := k.Lifecycle; l != nil {
		c.hook(l.PostStart, p.Child("lifecycle", "postStart"))
		c.hook(l.PreStop, p.Child("lifecycle", "preStop"))
	}
	c.resources(k.Resources.Requests, p.Child("resources", "requests"))
	c.resources(k.Resources.Limits, p.Child("resources", "limits"))
	if sc := k.SecurityContext; sc != nil {
		c.profiles(sc.SeccompProfile, sc.AppArmorProfile, sc.SELinuxOptions, p.Child("securityContext"))
	}
}

func (c *Complaints) probe(q *corev1.Probe, p *field.Path) {
	if q != nil && q.GRPC != nil {
		c.refuse(p.Child("grpc"), "a gRPC probe")
	}
}

func (c *Complaints) hook(h *corev1.LifecycleHandler, p *field.Path) {
	if h != nil && h.TCPSocket != nil {
		c.refuse(p.Child("tcpSocket"), "a TCP hook")
	}
}

// resources refuses what neither scheduler nor node counts.
func (c *Complaints) resources(l corev1.ResourceList, p *field.Path) {
	for _, name := range slices.Sorted(maps.Keys(l)) {
		switch name {
		case corev1.ResourceCPU, corev1.ResourceMemory, corev1.ResourceEphemeralStorage:
		default:
			c.refuse(p.Key(string(name)), "this resource")
		}
	}
}

func (c *Complaints) profiles(sec *corev1.SeccompProfile, app *corev1.AppArmorProfile, se *corev1.SELinuxOptions, p *field.Path) {
	if sec != nil && sec.Type == corev1.SeccompProfileTypeLocalhost {
		c.refuse(p.Child("seccompProfile"), "a seccomp profile of type Localhost")
	}
	if app != nil && app.Type == corev1.AppArmorProfileTypeLocalhost {
		c.refuse(p.Child("appArmorProfile"), "an AppArmor profile of type Localhost")
	}
	if se != nil && *se != (corev1.SELinuxOptions{}) {
		c.refuse(p.Child("seLinuxOptions"), "SELinux")
	}
}
