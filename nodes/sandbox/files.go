package sandbox

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// Hostname is the host name of a pod: its own, or its name, at most 63
// characters long.
func Hostname(pod *corev1.Pod) string {
	h := pod.Spec.Hostname
	if h == "" {
		h = pod.Name
	}
	if len(h) > 63 {
		h = strings.TrimRight(h[:63], "-.")
	}
	return h
}

// Hosts is the content of a pod's /etc/hosts. On the host's network it is the
// host's own file.
func Hosts(pod *corev1.Pod, address, domain string, host []byte) []byte {
	var b strings.Builder
	b.WriteString("# Managed by Cairn.\n")
	if pod.Spec.HostNetwork {
		b.Write(host)
		if n := len(host); n > 0 && host[n-1] != '\n' {
			b.WriteByte('\n')
		}
	} else {
		b.WriteString("127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n")
		if address != "" {
			names := Hostname(pod)
			if pod.Spec.Subdomain != "" {
				names = fmt.Sprintf("%s.%s.%s.svc.%s\t%s", names, pod.Spec.Subdomain, pod.Namespace, domain, names)
			}
			fmt.Fprintf(&b, "%s\t%s\n", address, names)
		}
	}
	for _, a := range pod.Spec.HostAliases {
		fmt.Fprintf(&b, "%s\t%s\n", a.IP, strings.Join(a.Hostnames, "\t"))
	}
	return []byte(b.String())
}

// Resolver says how a cell's names are looked up.
type Resolver struct {
	Server string // address of the cell's DNS; empty: none
	Domain string // cluster.local
	Host   []byte // the host's resolv.conf
}

// limits of the C library's resolver.
const maxServers, maxSearch = 3, 32

// ResolvConf is the content of a pod's /etc/resolv.conf by its dnsPolicy and
// dnsConfig.
func ResolvConf(pod *corev1.Pod, r Resolver) ([]byte, error) {
	host := parseResolv(r.Host)
	var c resolv
	policy := pod.Spec.DNSPolicy
	if policy == corev1.DNSClusterFirst && pod.Spec.HostNetwork {
		policy = corev1.DNSDefault
	}
	switch policy {
	case corev1.DNSNone:
	case corev1.DNSDefault:
		c = host
	case corev1.DNSClusterFirst, corev1.DNSClusterFirstWithHostNet, "":
		if r.Server == "" {
			c = host
			break
		}
		c.servers = []string{r.Server}
		c.search = append([]string{pod.Namespace + ".svc." + r.Domain, "svc." + r.Domain, r.Domain}, host.search...)
		c.options = []string{"ndots:5"}
	default:
		return nil, fmt.Errorf("dnsPolicy %q is not one of ClusterFirst, ClusterFirstWithHostNet, Default, None", policy)
	}
	if d := pod.Spec.DNSConfig; d != nil {
		c.servers = append(c.servers, d.Nameservers...)
		c.search = append(c.search, d.Searches...)
		for _, o := range d.Options {
			c.options = slices.DeleteFunc(c.options, func(have string) bool { return strings.HasPrefix(have+":", o.Name+":") })
			text := o.Name
			if o.Value != nil {
				text += ":" + *o.Value
			}
			c.options = append(c.options, text)
		}
	}
	if len(c.servers) == 0 && policy == corev1.DNSNone {
		return nil, fmt.Errorf("dnsPolicy None needs a server in dnsConfig.nameservers")
	}
	return c.text(), nil
}

type resolv struct{ servers, search, options []string }

func parseResolv(b []byte) resolv {
	var c resolv
	for _, line := range strings.Split(string(b), "\n") {
		f := strings.Fields(line)
		if len(f) < 2 {
			continue
		}
		switch f[0] {
		case "nameserver":
			c.servers = append(c.servers, f[1])
		case "search":
			c.search = f[1:]
		case "options":
			c.options = append(c.options, f[1:]...)
		}
	}
	return c
}

func (c resolv) text() []byte {
	var b strings.Builder
	if s := unique(c.search); len(s) > 0 {
		fmt.Fprintf(&b, "search %s\n", strings.Join(s[:min(len(s), maxSearch)], " "))
	}
	s := unique(c.servers)
	for _, n := range s[:min(len(s), maxServers)] {
		fmt.Fprintf(&b, "nameserver %s\n", n)
	}
	if len(c.options) > 0 {
		fmt.Fprintf(&b, "options %s\n", strings.Join(c.options, " "))
	}
	return []byte(b.String())
}

func unique(in []string) []string {
	var out []string
	for _, s := range in {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}
