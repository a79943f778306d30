package daemon

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"

	"cairn/events"
	"cairn/events/feed"
	"cairn/nodes/sandbox"
	"cairn/nodes/volumes"
)

// objects are a pod and all that it names, decoded. They are never changed,
// only replaced, so goroutines may share them; they are never written down.
type objects struct {
	pod        *corev1.Pod
	configMaps map[string]*corev1.ConfigMap
	secrets    map[string]*corev1.Secret
	serviceEnv map[string]string
	token, ca  string
	fetched    time.Time
	expires    time.Time // of the token; zero: never
	pull       [][]byte  // dockerconfigjson
	node       corev1.ResourceList
}

// fetch asks a server for the pod as of a revision (0: as of now), and for what
// it names as of now.
func (d *Daemon) fetch(ctx context.Context, a feed.Assignment, rev events.Revision) (*objects, error) {
	b, err := d.cfg.Server.Pod(ctx, a.Namespace, a.Name, a.UID, rev)
	if err != nil {
		return nil, fmt.Errorf("fetch pod %s/%s: %w", a.Namespace, a.Name, err)
	}
	o := &objects{
		configMaps: map[string]*corev1.ConfigMap{}, secrets: map[string]*corev1.Secret{},
		serviceEnv: b.ServiceEnv, token: b.Token, ca: b.CA, node: d.offers(), fetched: time.Now(),
	}
	if b.TokenExpires > 0 {
		o.expires = time.Unix(b.TokenExpires, 0)
	}
	if err := json.Unmarshal(b.Pod, &o.pod); err != nil || o.pod == nil {
		return nil, fmt.Errorf("pod %s/%s as the server sent it is not a pod: %w", a.Namespace, a.Name, err)
	}
	for name, raw := range b.ConfigMaps {
		if err := json.Unmarshal(raw, newIn(o.configMaps, name)); err != nil {
			return nil, fmt.Errorf("config map %s: %w", name, err)
		}
	}
	for name, raw := range b.Secrets {
		if err := json.Unmarshal(raw, newIn(o.secrets, name)); err != nil {
			return nil, fmt.Errorf("secret %s cannot be read", name) // without its text
		}
	}
	for _, name := range b.PullSecrets {
		if s := o.secrets[name]; s != nil && len(s.Data[corev1.DockerConfigJsonKey]) > 0 {
			o.pull = append(o.pull, s.Data[corev1.DockerConfigJsonKey])
		}
	}
	d.settle(o.pod, a)
	return o, nil
}

func newIn[T any](m map[string]*T, key string) *T {
	v := new(T)
	m[key] = v
	return v
}

// settle fills in what the pod's own placement says.
func (d *Daemon) settle(pod *corev1.Pod, a feed.Assignment) {
	pod.Namespace, pod.Name = a.Namespace, a.Name
	pod.UID = typesUID(a.UID)
	pod.Spec.NodeName = d.cfg.Info.Name
	pod.Status.HostIP = d.hostIP()
	pod.Status.PodIP, pod.Status.PodIPs = a.Address, nil
	if a.Address == "" && pod.Spec.HostNetwork {
		pod.Status.PodIP = d.hostIP()
	}
	if pod.Status.PodIP != "" {
		pod.Status.PodIPs = []corev1.PodIP{{IP: pod.Status.PodIP}}
	}
}

func (d *Daemon) hostIP() string {
	if len(d.cfg.Info.Addresses) == 0 {
		return ""
	}
	return d.cfg.Info.Addresses[0]
}

func (d *Daemon) offers() corev1.ResourceList {
	return corev1.ResourceList{
		corev1.ResourceCPU:              *milli(d.cfg.Info.MilliCPU),
		corev1.ResourceMemory:           *bytesOf(d.cfg.Info.MemoryBytes),
		corev1.ResourceEphemeralStorage: *bytesOf(d.cfg.Info.StorageBytes),
	}
}

func (o *objects) volumes() volumes.Source {
	return volumes.Source{Pod: o.pod, ConfigMaps: o.configMaps, Secrets: o.secrets, Token: o.token, CA: o.ca, Node: o.node}
}

func (o *objects) environ() sandbox.Objects {
	return sandbox.Objects{ConfigMaps: o.configMaps, Secrets: o.secrets, ServiceEnv: o.serviceEnv, Node: o.node}
}
