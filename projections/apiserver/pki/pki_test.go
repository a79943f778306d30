package pki

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func parse(t *testing.T, p Pair) *x509.Certificate {
	t.Helper()
	block, _ := pem.Decode(p.Cert)
	c, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestAnOpenedFolderKeepsItsAuthority(t *testing.T) {
	dir := t.TempDir()
	a, err := Open(dir, "test")
	if err != nil {
		t.Fatal(err)
	}
	alice, err := a.Issue("alice", "system:masters")
	if err != nil {
		t.Fatal(err)
	}
	b, err := Open(dir, "test")
	if err != nil {
		t.Fatal(err)
	}
	c := parse(t, alice)
	if _, err := c.Verify(x509.VerifyOptions{Roots: b.Pool(), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}); err != nil {
		t.Fatal(err)
	}
	if c.Subject.CommonName != "alice" || c.Subject.Organization[0] != "system:masters" {
		t.Fatal(c.Subject)
	}
	if info, err := os.Stat(filepath.Join(dir, "ca.key")); err != nil || info.Mode().Perm() != 0o600 {
		t.Fatal(info.Mode(), err)
	}
}

func TestServerCertificateIsKeptUntilItLacksANameOrEnds(t *testing.T) {
	a, err := Open(t.TempDir(), "test")
	if err != nil {
		t.Fatal(err)
	}
	get := func(names ...string) Pair {
		p, err := a.Server(names...)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	first := get("127.0.0.1", "kubernetes.default.svc")
	if !bytes.Equal(first.Cert, get("127.0.0.1").Cert) {
		t.Fatal("made anew without need")
	}
	second := get("127.0.0.1", "10.96.0.1")
	if bytes.Equal(first.Cert, second.Cert) || parse(t, second).VerifyHostname("10.96.0.1") != nil {
		t.Fatal("lacks a name")
	}
	a.now = func() time.Time { return time.Now().AddDate(1, 0, -10) }
	if bytes.Equal(second.Cert, get("10.96.0.1").Cert) {
		t.Fatal("kept though it ends in ten days")
	}
}

func TestTokenKeyIsKept(t *testing.T) {
	a, err := Open(t.TempDir(), "test")
	if err != nil {
		t.Fatal(err)
	}
	one, err := a.TokenKey()
	if err != nil {
		t.Fatal(err)
	}
	if two, err := a.TokenKey(); err != nil || !one.Equal(two) {
		t.Fatal(err)
	}
}
