package main

import (
	"os"
	"path/filepath"

	"cairn/projections/apiserver/pki"
)

// newKube prepares kube-apiserver over etcd as a cluster runs them: RBAC,
// the default admission chain, client certificates, etcd that syncs.
func newKube(bin, dir string) (*peer, error) {
	ports, err := freePorts(3)
	if err != nil {
		return nil, err
	}
	api, client, between := ports[0], "http://127.0.0.1:"+ports[1], "http://127.0.0.1:"+ports[2]
	at := func(name string) string { return filepath.Join(dir, name) }
	ca, err := pki.Open(at("pki"), "kube")
	if err != nil {
		return nil, err
	}
	server, err := ca.IssueServer("kube-apiserver", nil, "127.0.0.1", "localhost")
	if err != nil {
		return nil, err
	}
	// The key that signs service accounts' tokens may be any.
	for name, data := range map[string][]byte{"ca.crt": ca.CertPEM(), "server.crt": server.Cert, "server.key": server.Key} {
		if err := os.WriteFile(at(name), data, 0o600); err != nil {
			return nil, err
		}
	}
	p := &peer{name: "kube", dir: dir, url: "https://127.0.0.1:" + api, programs: []program{
		{filepath.Join(bin, "etcd"), []string{"--name=peer", "--data-dir=" + at("etcd"), "--listen-client-urls=" + client, "--advertise-client-urls=" + client,
			"--listen-peer-urls=" + between, "--initial-advertise-peer-urls=" + between, "--initial-cluster=peer=" + between,
			"--quota-backend-bytes=8589934592", "--log-level=warn"}},
		{filepath.Join(bin, "kube-apiserver"), []string{"--etcd-servers=" + client, "--secure-port=" + api, "--bind-address=127.0.0.1",
			"--advertise-address=192.0.2.1", "--endpoint-reconciler-type=none", "--cert-dir=" + dir, "--service-cluster-ip-range=10.96.0.0/16",
			"--tls-cert-file=" + at("server.crt"), "--tls-private-key-file=" + at("server.key"), "--client-ca-file=" + at("ca.crt"),
			"--authorization-mode=Node,RBAC", "--service-account-issuer=https://kubernetes.default.svc",
			"--service-account-key-file=" + at("server.key"), "--service-account-signing-key-file=" + at("server.key")}},
	}}
	return p, p.login(ca)
}
