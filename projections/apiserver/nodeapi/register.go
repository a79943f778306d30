package nodeapi

import (
	"context"
	"maps"
	"net"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apiserver/pkg/endpoints/request"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/util/retry"

	"cairn/events"
	"cairn/events/feed"
	"cairn/projections/message"
)

// StreamingAnnotation says where a node's streaming server listens.
const StreamingAnnotation = "cairn.dev/streaming"

// register makes or updates the Node object as the node itself (so that
// admission holds for it), then records that its daemon started.
func (a *API) register(ctx context.Context, name string, info *feed.NodeInfo) (*feed.Registration, error) {
	if info.Name != name || len(info.Addresses) == 0 {
		return nil, apierrors.NewBadRequest("register wants the node's own name and at least one address")
	}
	u, _ := request.UserFrom(ctx)
	client := a.Client(u)
	err := retry.RetryOnConflict(retry.DefaultBackoff, func() error { return put(ctx, client, info) })
	if err != nil {
		return nil, err
	}
	o, err := a.Cell.Get(events.Ref{Kind: events.Nodes, Name: name}, 0)
	if err != nil {
		return nil, apierrors.NewInternalError(err)
	}
	e := a.Objects.NewEvent(ctx, events.NodeRegistered, o.Ref, o.UID)
	e.Reason = "daemon " + info.Version + " started"
	w, err := a.Objects.Append(ctx, e)
	if err != nil {
		return nil, err
	}
	if !w.Outcome.Accepted() {
		return nil, apierrors.NewServiceUnavailable("the ledger refused the registration: " + message.Outcome(w.Outcome))
	}
	a.hear(name)
	o, err = a.Cell.Get(o.Ref, w.Revision)
	if err != nil || o.Projected == nil || o.Projected.Node == nil {
		return nil, apierrors.NewInternalError(err)
	}
	cell := a.Cell.Position().Cell
	return &feed.Registration{Offset: w.Offset, Cell: cell.Name, Incarnation: cell.Incarnation, PodRange: o.Projected.Node.PodRange,
		CellPodRange: cell.PodRange, ServiceRange: cell.ServiceRange, DNSAddress: cell.DNSAddress}, nil
}

func put(ctx context.Context, client kubernetes.Interface, info *feed.NodeInfo) error {
	nodes := client.CoreV1().Nodes()
	n, err := nodes.Get(ctx, info.Name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		n = &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: info.Name}}
		describe(n, info)
		n.Spec.Unschedulable = info.Unschedulable
		for _, t := range info.Taints {
			n.Spec.Taints = append(n.Spec.Taints, corev1.Taint{Key: t.Key, Value: t.Value, Effect: corev1.TaintEffect(t.Effect)})
		}
		_, err = nodes.Create(ctx, n, metav1.CreateOptions{})
		return err
	}
	if err != nil {
		return err
	}
	// Taints and cordons of a known node are its administrators' to change.
	was := n.DeepCopy()
	describe(n, info)
	if !equality.Semantic.DeepEqual(was.ObjectMeta, n.ObjectMeta) {
		status := n.Status
		if n, err = nodes.Update(ctx, n, metav1.UpdateOptions{}); err != nil {
			return err
		}
		n.Status = status
	}
	if equality.Semantic.DeepEqual(was.Status, n.Status) {
		return nil
	}
	_, err = nodes.UpdateStatus(ctx, n, metav1.UpdateOptions{})
	return err
}

func describe(n *corev1.Node, info *feed.NodeInfo) {
	if n.Labels == nil {
		n.Labels = map[string]string{}
	}
	for k, v := range info.Labels {
		n.Labels[k] = v
	}
	if n.Annotations == nil {
		n.Annotations = map[string]string{}
	}
	n.Annotations[StreamingAnnotation] = info.Streaming
	st := &n.Status
	st.Capacity = corev1.ResourceList{
		corev1.ResourceCPU:              *resource.NewMilliQuantity(int64(info.MilliCPU), resource.DecimalSI),
		corev1.ResourceMemory:           *resource.NewQuantity(int64(info.MemoryBytes), resource.BinarySI),
		corev1.ResourceEphemeralStorage: *resource.NewQuantity(int64(info.StorageBytes), resource.BinarySI),
		corev1.ResourcePods:             *resource.NewQuantity(int64(info.MaxPods), resource.DecimalSI),
	}
	st.Allocatable = st.Capacity.DeepCopy()
	st.Addresses = nil
	for _, ip := range info.Addresses {
		st.Addresses = append(st.Addresses, corev1.NodeAddress{Type: corev1.NodeInternalIP, Address: ip})
	}
	st.Addresses = append(st.Addresses, corev1.NodeAddress{Type: corev1.NodeHostName, Address: info.Name})
	if _, port, err := net.SplitHostPort(info.Streaming); err == nil {
		if n, err := strconv.ParseInt(port, 10, 32); err == nil {
			st.DaemonEndpoints.KubeletEndpoint.Port = int32(n)
		}
	}
	st.NodeInfo.BootID, st.NodeInfo.KernelVersion, st.NodeInfo.OSImage = info.BootID, info.Kernel, info.OS
	st.NodeInfo.ContainerRuntimeVersion, st.NodeInfo.KubeletVersion = info.Runtime, info.Version
	st.NodeInfo.OperatingSystem, st.NodeInfo.Architecture = info.Labels["kubernetes.io/os"], info.Labels["kubernetes.io/arch"]
}

// heartbeat notes that the daemon lives. A registration that the hub has not
// seen yet is taken for the current one: it stands in the ledger further on.
func (a *API) heartbeat(_ context.Context, name string, h *feed.Heartbeat) (*feed.HeartbeatAnswer, error) {
	is, known := a.Feeds.Registration(name, h.Registration)
	current := !known || is != 0 && is == h.Registration
	if current {
		a.hear(name)
	}
	return &feed.HeartbeatAnswer{Current: current}, nil
}

func (a *API) hear(name string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.heard[name] = time.Now()
	a.silence[name] = 0
}

// membersWait bounds how long Silence waits for the hub to know of all nodes.
const membersWait = time.Second

// Silence says how long each registered node has not been heard of. connected
// reports whether the caller has been in touch with the ledger since it last
// asked: other time does not count. now must be from one monotonic clock.
func (a *API) Silence(now time.Time, connected bool) map[string]time.Duration {
	ctx, cancel := context.WithTimeout(a.ctx, membersWait)
	defer cancel()
	members, err := a.Feeds.Members(ctx, a.Cell.Position().Offset)
	a.mu.Lock()
	defer a.mu.Unlock()
	passed := time.Duration(0)
	if connected && err == nil && !a.asked.IsZero() {
		passed = max(now.Sub(a.asked), 0)
	}
	a.asked = now
	if err != nil {
		return maps.Clone(a.silence)
	}
	silent := make(map[string]time.Duration, len(members))
	for name := range members {
		silent[name] = a.silence[name] + passed
	}
	a.silence = silent // nodes that are gone are forgotten
	maps.DeleteFunc(a.heard, func(name string, _ time.Time) bool { _, known := silent[name]; return !known })
	return maps.Clone(silent)
}
