package kinds

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// Complaints gathers what an object asks for and Cairn does not do yet: errors
// where it would run otherwise than asked, warnings where it runs but something
// is left out.
type Complaints struct {
	Errors   field.ErrorList
	Warnings []string
}

// Unsupported is what k has to say against o.
func (k *Kind) Unsupported(o Object) Complaints {
	var c Complaints
	if k.Refuse != nil {
		k.Refuse(o, &c)
	}
	return c
}

func (c *Complaints) refuse(p *field.Path, what string) {
	c.Errors = append(c.Errors, field.Forbidden(p, what+" is not done by Cairn yet"))
}

func (c *Complaints) warn(p *field.Path, what string) {
	c.Warnings = append(c.Warnings, fmt.Sprintf("%s: %s", p, what))
}

func (c *Complaints) service(s *corev1.ServiceSpec, p *field.Path) {
	if s.Type == corev1.ServiceTypeLoadBalancer {
		c.warn(p.Child("type"), "no load balancer is made: EXTERNAL-IP stays pending, the service answers on its cluster IP and node port")
	}
	if len(s.ExternalIPs) > 0 {
		c.refuse(p.Child("externalIPs"), "an external IP")
	}
	if s.ExternalTrafficPolicy == corev1.ServiceExternalTrafficPolicyLocal {
		c.warn(p.Child("externalTrafficPolicy"), "Local is treated as Cluster")
	}
	if s.InternalTrafficPolicy != nil && *s.InternalTrafficPolicy == corev1.ServiceInternalTrafficPolicyLocal {
		c.warn(p.Child("internalTrafficPolicy"), "Local is treated as Cluster")
	}
	for i, q := range s.Ports {
		if q.Protocol == corev1.ProtocolSCTP {
			c.refuse(p.Child("ports").Index(i).Child("protocol"), "SCTP")
		}
	}
}
