// Command cairn-pause holds a pod's namespaces and waits.
//
// The shim starts it in new network, IPC and UTS namespaces, and in a new PID
// namespace where the pod shares one; containers join through its /proc/PID/ns
// files. It sets the host name, brings lo up, writes the pod's sysctls, drops
// to an unprivileged user, reaps what is handed to it as PID 1, and ends on
// SIGTERM or SIGINT.
//
// In: flags --hostname, --lo, --sysctl name=value. Out: the line "ready" on
// stdout once the namespaces are set up; else an error on stderr and code 1.
//
// Standard library and x/sys only: it is a process per pod and must stay small.
//
// Read first: main.go, then TestThePauseProcessHoldsNamespacesOfItsOwn of
// nodes/shim.
package main
