package main

import (
	"fmt"
	"os"
	"os/user"
	"path/filepath"

	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"

	"cairn/projections/apiserver/pki"
	"cairn/tools/cairn/cell"
	"cairn/tools/cairn/client"
)

// issue writes what shows people and the node to the server: a kubeconfig that
// names the person who runs this, and the node's certificate.
func issue(paths cell.Paths, s *cell.Settings) error {
	ca, err := pki.Open(paths.PKI(), s.Name)
	if err != nil {
		return err
	}
	person, err := ca.Issue(who(), "system:masters")
	if err != nil {
		return err
	}
	if err := writeKubeconfig(paths, s, ca.CertPEM(), person); err != nil {
		return err
	}
	names := []string{s.NodeName, "localhost", "127.0.0.1"}
	node, err := ca.IssueServer("system:node:"+s.NodeName, []string{"system:nodes"}, names...)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(paths.NodePKI(), 0o700); err != nil {
		return err
	}
	for name, data := range map[string][]byte{"ca.crt": ca.CertPEM(), "node.crt": node.Cert, "node.key": node.Key} {
		if err := cell.Replace(filepath.Join(paths.NodePKI(), name), data, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// who is the person that runs this command: every record of theirs bears the name.
func who() string {
	for _, v := range []string{"SUDO_USER", "USER", "LOGNAME"} {
		if name := os.Getenv(v); name != "" {
			return name
		}
	}
	if u, err := user.Current(); err == nil && u.Username != "" {
		return u.Username
	}
	return fmt.Sprintf("uid-%d", os.Getuid())
}

func writeKubeconfig(paths cell.Paths, s *cell.Settings, ca []byte, person pki.Pair) error {
	login := who() + "@" + s.Name
	cfg := api.NewConfig()
	cfg.Clusters[s.Name] = &api.Cluster{Server: s.URL(), CertificateAuthorityData: ca}
	cfg.AuthInfos[login] = &api.AuthInfo{ClientCertificateData: person.Cert, ClientKeyData: person.Key}
	cfg.Contexts[s.Name] = &api.Context{Cluster: s.Name, AuthInfo: login, Namespace: "default"}
	cfg.CurrentContext = s.Name
	b, err := clientcmd.Write(*cfg)
	if err != nil {
		return err
	}
	if err := cell.Replace(paths.Kubeconfig(), b, 0o600); err != nil {
		return err
	}
	if paths.Data != "/var/lib/cairn" {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(client.AdminKubeconfig), 0o755); err != nil {
		return err
	}
	return cell.Replace(client.AdminKubeconfig, b, 0o600)
}
