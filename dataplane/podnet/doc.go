// Package podnet makes the routed network of a cell's pods on one machine: a
// veth and a /32 route for each pod, no bridge between them.
//
// In: a Config, pods with their namespaces and addresses, the other nodes.
// Out: links named PREFIX-SOMETHING, routes of protocol 202, two sysctls,
// all in the network namespace of the calling process, and a file that remembers
// what the sysctls were.
//
// The promise that matters: no packet for a pod or service address leaves by
// the default route, whatever the packet filter does. The pod range has an
// `unreachable` route of worse metric than any pod's. The service range leads
// into a bridge without ports, where packets end that no rule redirected; an
// unreachable route there would make connect fail before the rules of the
// output hook run, so it stands behind, with a worse metric, for the moment
// when the bridge is lost.
//
// Pods reach the world over 169.254.1.1, which no link owns: neighbour entries
// on both sides are permanent, so there is no ARP at all. Addresses that the
// machine itself answers inside the service range (cluster DNS) are put on the
// bridge. Other nodes are reached directly on a shared link, else over VXLAN,
// whose end here is the first address of this node's range (give it to no pod).
//
// Setup, Repair, Attach and Detach may be repeated: they make what is missing
// and leave what is right. Two cells share a machine if prefixes and ranges
// differ; the last one to leave puts the sysctls back.
//
// A firewall of the machine that drops forwarded packets drops pods' as well:
// its tables are its owner's.
//
// A Net is for use from several goroutines; it starts none.
//
// Read first: routes.go, then TestNothingLeavesByTheDefaultRoute.
package podnet
