package daemon

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/types"

	"cairn/events"
	"cairn/events/feed"
	"cairn/nodes/runtime"
)

// objects are what was fetched of a pod.
type objects struct {
	runtime.Objects
	asOf    events.Revision // of all but the pod
	fetched time.Time
	expires time.Time // of the token; zero: never
}

// fetch asks a server for the pod as of a revision (0: as of now), and for what
// it names as of the newest that the server has.
func (d *Daemon) fetch(ctx context.Context, a feed.Assignment, rev events.Revision) (*objects, error) {
	b, err := d.cfg.Server.Pod(ctx, a.Namespace, a.Name, a.UID, rev)
	if err != nil {
		return nil, fmt.Errorf("fetch pod %s/%s: %w", a.Namespace, a.Name, err)
	}
	o := &objects{asOf: b.AsOf, fetched: d.cfg.Clock.Now(), Objects: runtime.Objects{
		ConfigMaps: map[string]*corev1.ConfigMap{}, Secrets: map[string]*corev1.Secret{},
		ServiceEnv: b.ServiceEnv, Token: b.Token, CA: b.CA, Node: d.offers(),
	}}
	if b.TokenExpires > 0 {
		o.expires = time.Unix(b.TokenExpires, 0)
	}
	if err := json.Unmarshal(b.Pod, &o.Pod); err != nil || o.Pod == nil {
		return nil, fmt.Errorf("pod %s/%s as the server sent it is not a pod: %w", a.Namespace, a.Name, err)
	}
	for name, raw := range b.ConfigMaps {
		if err := json.Unmarshal(raw, newIn(o.ConfigMaps, name)); err != nil {
			return nil, fmt.Errorf("config map %s: %w", name, err)
		}
	}
	for name, raw := range b.Secrets {
		if err := json.Unmarshal(raw, newIn(o.Secrets, name)); err != nil {
			return nil, fmt.Errorf("secret %s cannot be read", name) // without its text
		}
	}
	for _, name := range b.PullSecrets {
		if s := o.Secrets[name]; s != nil && len(s.Data[corev1.DockerConfigJsonKey]) > 0 {
			o.PullSecrets = append(o.PullSecrets, s.Data[corev1.DockerConfigJsonKey])
		}
	}
	d.settle(o.Pod, a)
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
	pod.UID = types.UID(a.UID)
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
	i := d.cfg.Info
	return corev1.ResourceList{
		corev1.ResourceCPU:              *resource.NewMilliQuantity(int64(i.MilliCPU), resource.DecimalSI),
		corev1.ResourceMemory:           *resource.NewQuantity(int64(i.MemoryBytes), resource.BinarySI),
		corev1.ResourceEphemeralStorage: *resource.NewQuantity(int64(i.StorageBytes), resource.BinarySI),
	}
}
