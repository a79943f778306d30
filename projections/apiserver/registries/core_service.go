package registries

import (
	"context"
	"math/rand/v2"
	"net"

	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	policyclient "k8s.io/client-go/kubernetes/typed/policy/v1"
	api "k8s.io/kubernetes/pkg/apis/core"
	"k8s.io/kubernetes/pkg/registry/core/service/ipallocator"
	service "k8s.io/kubernetes/pkg/registry/core/service/storage"

	"cairn/projections/kinds"
)

func serviceRegistry(c Config, opts *options, pods service.PodStorage) (*service.REST, *service.StatusREST, error) {
	_, cidr, err := net.ParseCIDR(c.Cell.ServiceRange)
	if err != nil {
		return nil, nil, err
	}
	ips := map[api.IPFamily]ipallocator.Interface{api.IPv4Protocol: addresses{cidr: *cidr}}
	rest, status, _, err := service.NewREST(opts, api.IPv4Protocol, ips, nodePorts{}, nil, pods, c.Transport)
	return rest, status, err
}

// addresses stands where upstream allocates cluster IPs. It hands out a
// stand-in that storage takes out again: only the fold assigns and refuses.
type addresses struct {
	cidr   net.IPNet
	dryRun bool
}

func (addresses) Allocate(net.IP) error  { return nil }
func (addresses) Release(net.IP) error   { return nil }
func (addresses) ForEach(func(net.IP))   {}
func (a addresses) CIDR() net.IPNet      { return a.cidr }
func (addresses) IPFamily() api.IPFamily { return api.IPv4Protocol }
func (addresses) Has(net.IP) bool        { return false }
func (addresses) Destroy()               {}
func (addresses) EnableMetrics()         {}
func (a addresses) DryRun() ipallocator.Interface {
	return addresses{cidr: a.cidr, dryRun: true}
}

// AllocateNext gives a dry run an address of the range as an example: nothing
// is reserved for it.
func (a addresses) AllocateNext() (net.IP, error) {
	if !a.dryRun {
		return net.ParseIP(kinds.UnassignedIP), nil
	}
	ones, bits := a.cidr.Mask.Size()
	ip := append(net.IP(nil), a.cidr.IP.To4()...)
	n := rand.Uint32N(max(uint32(1)<<(bits-ones), 2)-1) + 1
	for i := 3; i >= 0; i, n = i-1, n>>8 {
		ip[i] |= byte(n)
	}
	return ip, nil
}

// nodePorts stands where upstream allocates node ports.
type nodePorts struct{}

func (nodePorts) Allocate(int) error         { return nil }
func (nodePorts) AllocateNext() (int, error) { return kinds.UnassignedPort, nil }
func (nodePorts) Release(int) error          { return nil }
func (nodePorts) ForEach(func(int))          {}
func (nodePorts) Has(int) bool               { return false }
func (nodePorts) Destroy()                   {}
func (nodePorts) EnableMetrics()             {}

// noBudgets is what evictions ask for disruption budgets: none are served, and
// the fold has the last word.
type noBudgets struct{}

func (noBudgets) PodDisruptionBudgets(string) policyclient.PodDisruptionBudgetInterface {
	return noBudget{}
}

type noBudget struct {
	policyclient.PodDisruptionBudgetInterface
}

func (noBudget) List(context.Context, metav1.ListOptions) (*policyv1.PodDisruptionBudgetList, error) {
	return &policyv1.PodDisruptionBudgetList{}, nil
}
