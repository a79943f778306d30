package nodeapi

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
)

// names is what a pod's spec names besides itself; true: it can't run without.
type names struct {
	configMaps, secrets map[string]bool
	token               bool
	audience            string
}

func namesOf(s *corev1.PodSpec) *names {
	n := &names{configMaps: map[string]bool{}, secrets: map[string]bool{}}
	for _, p := range s.ImagePullSecrets {
		n.add(n.secrets, p.Name, true)
	}
	for _, c := range slices.Concat(s.InitContainers, s.Containers) {
		for _, e := range c.EnvFrom {
			if e.ConfigMapRef != nil {
				n.add(n.configMaps, e.ConfigMapRef.Name, e.ConfigMapRef.Optional)
			}
			if e.SecretRef != nil {
				n.add(n.secrets, e.SecretRef.Name, e.SecretRef.Optional)
			}
		}
		for _, e := range c.Env {
			if f := e.ValueFrom; f != nil && f.ConfigMapKeyRef != nil {
				n.add(n.configMaps, f.ConfigMapKeyRef.Name, f.ConfigMapKeyRef.Optional)
			}
			if f := e.ValueFrom; f != nil && f.SecretKeyRef != nil {
				n.add(n.secrets, f.SecretKeyRef.Name, f.SecretKeyRef.Optional)
			}
		}
	}
	for _, v := range s.Volumes {
		if v.ConfigMap != nil {
			n.add(n.configMaps, v.ConfigMap.Name, v.ConfigMap.Optional)
		}
		if v.Secret != nil {
			n.add(n.secrets, v.Secret.SecretName, v.Secret.Optional)
		}
		if v.Projected != nil {
			n.projected(v.Projected.Sources)
		}
	}
	return n
}

func (n *names) projected(list []corev1.VolumeProjection) {
	for _, p := range list {
		if p.ConfigMap != nil {
			n.add(n.configMaps, p.ConfigMap.Name, p.ConfigMap.Optional)
		}
		if p.Secret != nil {
			n.add(n.secrets, p.Secret.Name, p.Secret.Optional)
		}
		if p.ServiceAccountToken != nil {
			n.token, n.audience = true, p.ServiceAccountToken.Audience
		}
	}
}

// add takes optional as a *bool, or true for what may be missing.
func (n *names) add(to map[string]bool, name string, optional any) {
	may := false
	switch o := optional.(type) {
	case bool:
		may = o
	case *bool:
		may = o != nil && *o
	}
	if name != "" {
		to[name] = to[name] || !may
	}
}
