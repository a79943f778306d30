package ruleset

import (
	"fmt"
	"time"
)

// Mark is what vips yields: how many endpoints there are in the low 15 bits,
// for how many seconds clients stick in the 17 bits above. It names the chain
// that balances, so services with equal marks share one.
//
// Invariant: a Mark alone determines the rules of its chain.
type Mark uint32

const (
	countBits = 15
	// MaxEndpoints is how many endpoints of one port are used; more are cut off.
	MaxEndpoints = 1<<countBits - 1
	// MaxSticky is the longest memory that Kubernetes allows.
	MaxSticky = 24 * time.Hour
)

// NewMark makes the mark for so many endpoints and so long a memory.
func NewMark(endpoints int, sticky time.Duration) Mark {
	seconds := min(max(sticky, 0), MaxSticky) / time.Second
	if sticky > 0 && seconds == 0 {
		seconds = 1
	}
	if endpoints == 0 {
		return 0 // a service without endpoints remembers nobody
	}
	return Mark(seconds)<<countBits | Mark(min(endpoints, MaxEndpoints))
}

// Endpoints is the number of endpoints.
func (m Mark) Endpoints() uint32 { return uint32(m) & MaxEndpoints }

// Sticky is for how long a client keeps its endpoint, 0 for not at all.
func (m Mark) Sticky() time.Duration { return time.Duration(m>>countBits) * time.Second }

// Chain is the name of the chain that balances connections of this mark.
func (m Mark) Chain(nodePort bool) string {
	kind := "lb"
	if nodePort {
		kind = "np"
	}
	switch {
	case m.Endpoints() == 0:
		return RefuseChain
	case m.Sticky() > 0:
		return fmt.Sprintf("%s-%d-sticky-%d", kind, m.Endpoints(), m>>countBits)
	}
	return fmt.Sprintf("%s-%d", kind, m.Endpoints())
}

func (m Mark) String() string {
	n := m.Endpoints()
	if n == 0 {
		return "no endpoints: refuse"
	}
	s := fmt.Sprintf("%d endpoint%s", n, choose(n == 1, "", "s"))
	if m.Sticky() > 0 {
		s += fmt.Sprintf(", sticky for %v", m.Sticky())
	}
	return s
}
