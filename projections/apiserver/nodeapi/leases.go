package nodeapi

import (
	"crypto/sha256"
	"slices"
	"strings"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"cairn/events"
	"cairn/projections/kinds"
)

// leaseSeconds is what a node's Lease says it lasts, as Kubernetes' do.
const leaseSeconds = 40

// List renders a Lease per node that was heard from: liveness is not state, so
// there is no row of it. It makes an API a storage.Synthetic.
func (a *API) List() []kinds.Object {
	a.mu.Lock()
	heard := make(map[string]time.Time, len(a.heard))
	for n, t := range a.heard {
		heard[n] = t
	}
	a.mu.Unlock()
	var list []kinds.Object
	for name, t := range heard {
		o, err := a.Cell.Get(events.Ref{Kind: events.Nodes, Name: name}, 0)
		if err != nil {
			continue
		}
		holder, seconds, renewed := name, int32(leaseSeconds), metav1.NewMicroTime(t)
		l := &coordinationv1.Lease{
			ObjectMeta: metav1.ObjectMeta{Namespace: "kube-node-lease", Name: name, UID: derived(o.UID), ResourceVersion: o.Revision.String(),
				OwnerReferences: []metav1.OwnerReference{{APIVersion: "v1", Kind: "Node", Name: name, UID: types.UID(o.UID)}}},
			Spec: coordinationv1.LeaseSpec{HolderIdentity: &holder, LeaseDurationSeconds: &seconds, RenewTime: &renewed},
		}
		if n, err := a.Objects.Object(o); err == nil {
			l.CreationTimestamp = n.GetCreationTimestamp()
		}
		list = append(list, l)
	}
	slices.SortFunc(list, func(x, y kinds.Object) int { return strings.Compare(x.GetName(), y.GetName()) })
	return list
}

// derived names what is rendered from a node (RFC 9562, version 8).
func derived(uid string) types.UID {
	sum := sha256.Sum256([]byte(uid + "/lease"))
	sum[6], sum[8] = sum[6]&0x0f|0x80, sum[8]&0x3f|0x80
	return types.UID(events.ID(sum[:16]).String())
}
