package pki

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
)

func encode(der []byte, key *ecdsa.PrivateKey) (Pair, error) {
	k, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return Pair{}, fmt.Errorf("pki: %w", err)
	}
	return Pair{
		Cert: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		Key:  pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: k}),
	}, nil
}

func parseKey(b []byte, path string) (*ecdsa.PrivateKey, error) {
	block, _ := pem.Decode(b)
	if block == nil {
		return nil, fmt.Errorf("pki: %s is not PEM; restore it from a copy", path)
	}
	key, err := x509.ParseECPrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("pki: %s: %w", path, err)
	}
	return key, nil
}

// load reads NAME.crt and NAME.key; the error wraps os.ErrNotExist where one is missing.
func (a *Authority) load(name string) (Pair, error) {
	cert, err := os.ReadFile(filepath.Join(a.dir, name+".crt"))
	if err != nil {
		return Pair{}, fmt.Errorf("pki: %w", err)
	}
	key, err := os.ReadFile(filepath.Join(a.dir, name+".key"))
	if err != nil {
		return Pair{}, fmt.Errorf("pki: %w", err)
	}
	return Pair{Cert: cert, Key: key}, nil
}

func (a *Authority) save(name string, p Pair) error {
	if err := replace(filepath.Join(a.dir, name+".key"), p.Key, 0o600); err != nil {
		return err
	}
	return replace(filepath.Join(a.dir, name+".crt"), p.Cert, 0o644)
}

// replace writes a file so that a crash leaves the old one or the new one.
func replace(path string, data []byte, mode os.FileMode) error {
	if err := os.WriteFile(path+".new", data, mode); err != nil {
		return fmt.Errorf("pki: %w", err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		return fmt.Errorf("pki: %w", err)
	}
	return nil
}

// Server returns the API server's serving certificate for names, kept in
// server.crt and made anew where it lacks one of them or soon ends.
func (a *Authority) Server(names ...string) (Pair, error) {
	if p, err := a.load("server"); err == nil && a.fits(p, names) {
		return p, nil
	}
	p, err := a.IssueServer("cairn-server", nil, names...)
	if err != nil {
		return Pair{}, err
	}
	return p, a.save("server", p)
}

// Client returns the certificate the server shows to nodes, kept in client.crt.
func (a *Authority) Client() (Pair, error) {
	if p, err := a.load("client"); err == nil && a.fits(p, nil) {
		return p, nil
	}
	p, err := a.Issue("cairn-server", "cairn:servers")
	if err != nil {
		return Pair{}, err
	}
	return p, a.save("client", p)
}

func (a *Authority) fits(p Pair, names []string) bool {
	block, _ := pem.Decode(p.Cert)
	if block == nil {
		return false
	}
	c, err := x509.ParseCertificate(block.Bytes)
	if err != nil || a.now().Add(renewBefore).After(c.NotAfter) || c.CheckSignatureFrom(a.cert) != nil {
		return false
	}
	for _, n := range names {
		if ip := net.ParseIP(n); ip != nil {
			n = "[" + n + "]"
		}
		if c.VerifyHostname(n) != nil {
			return false
		}
	}
	return true
}

// TokenKey signs service account tokens; kept in sa.key.
func (a *Authority) TokenKey() (*ecdsa.PrivateKey, error) {
	path := filepath.Join(a.dir, "sa.key")
	b, err := os.ReadFile(path)
	if err == nil {
		return parseKey(b, path)
	}
	if !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("pki: %w", err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return nil, err
	}
	return key, replace(path, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}), 0o600)
}

// Kubeconfig is a kubeconfig file for kubectl and client-go: server is a URL,
// cell names the context, user the person.
func (a *Authority) Kubeconfig(server, cell, user string, p Pair) []byte {
	b64 := base64.StdEncoding.EncodeToString
	return fmt.Appendf(nil, `apiVersion: v1
kind: Config
current-context: %[1]s
clusters:
- name: %[1]s
  cluster:
    server: %[3]s
    certificate-authority-data: %[4]s
contexts:
- name: %[1]s
  context:
    cluster: %[1]s
    user: %[2]s
users:
- name: %[2]s
  user:
    client-certificate-data: %[5]s
    client-key-data: %[6]s
`, cell, user, server, b64(a.CertPEM()), b64(p.Cert), b64(p.Key))
}
