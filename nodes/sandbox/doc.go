// Package sandbox turns a pod and one of its containers into an OCI runtime
// spec, and says what the files are that every container of the pod shares
// (/etc/hosts, /etc/hostname, /etc/resolv.conf).
//
// In: the pod, the container, the image's config, the objects its environment
// names, mounts, the pause process whose namespaces it joins, and facts of the
// host. Out: a specs.Spec for runc (1.1 or later), or an error that names the
// field to change.
//
// Promises: containers of a pod share network, IPC and UTS namespaces, and PID
// where the pod says so; each has its own mounts and (else) PIDs. Capabilities,
// masked paths and devices are what docker and containerd give. What this node
// does not do is refused by its name (Refuse), never dropped. A limit that the
// daemon has no right to give (open files, a lower oom_score_adj) is clamped to
// what it may.
//
// seccomp: no profile where the pod names none, as in Kubernetes; containerd's
// default for RuntimeDefault; a Localhost profile is refused.
//
// Goroutines: none. Pure, but for the functions of host.go and user.go, which
// read files, and the seccomp profile, which fits the kernel's version.
//
// Read first: testdata/a-pod-as-a-runtime-spec.
package sandbox
