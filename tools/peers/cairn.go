package main

import (
	"os"
	"path/filepath"

	"cairn/projections/apiserver/pki"
	"cairn/tools/cairn/cell"
)

// newCairn prepares one server over an embedded ledger, without a node: what
// stands beside kube-apiserver and etcd, and the reconcilers with it.
func newCairn(binary, dir string) (*peer, error) {
	binary, err := filepath.Abs(binary)
	if err != nil {
		return nil, err
	}
	ports, err := freePorts(1)
	if err != nil {
		return nil, err
	}
	paths := cell.Paths{Data: filepath.Join(dir, "cell"), Run: filepath.Join(dir, "run")}
	for _, d := range []string{paths.Data, paths.Run} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			return nil, err
		}
	}
	// No service with a node port is made, so a listener among them hides nothing.
	s, err := cell.Settle(paths, cell.Settings{Name: "peer", Listen: "127.0.0.1:" + ports[0], NodeName: "n1", NodePorts: "1024-1025"})
	if err != nil {
		return nil, err
	}
	ca, err := pki.Open(paths.PKI(), s.Name)
	if err != nil {
		return nil, err
	}
	p := &peer{name: "cairn", dir: dir, url: s.URL(), programs: []program{
		{binary, []string{"server", "--data-dir", paths.Data, "--run-dir", paths.Run}}}}
	return p, p.login(ca)
}
