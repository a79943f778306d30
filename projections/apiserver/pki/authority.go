package pki

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

const (
	authorityYears = 10
	leafYears      = 1
	renewBefore    = 30 * 24 * time.Hour
)

// Authority is an opened folder.
type Authority struct {
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	now  func() time.Time
}

// Pair is a certificate with its key, both PEM.
type Pair struct{ Cert, Key []byte }

// Open reads the authority in dir, or makes one for the cell of that name.
func Open(dir, cell string) (*Authority, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("pki: %w", err)
	}
	a := &Authority{dir: dir, now: time.Now}
	pair, err := a.load("ca")
	if errors.Is(err, os.ErrNotExist) {
		pair, err = a.found(cell)
	}
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(pair.Cert)
	if block == nil {
		return nil, fmt.Errorf("pki: %s is not PEM; restore it from a copy", filepath.Join(dir, "ca.crt"))
	}
	if a.cert, err = x509.ParseCertificate(block.Bytes); err != nil {
		return nil, fmt.Errorf("pki: %s: %w", filepath.Join(dir, "ca.crt"), err)
	}
	a.key, err = parseKey(pair.Key, filepath.Join(dir, "ca.key"))
	return a, err
}

func (a *Authority) found(cell string) (Pair, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return Pair{}, err
	}
	t := a.template(pkix.Name{CommonName: "cairn " + cell}, authorityYears)
	t.IsCA, t.BasicConstraintsValid = true, true
	t.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign | x509.KeyUsageDigitalSignature
	der, err := x509.CreateCertificate(rand.Reader, t, t, key.Public(), key)
	if err != nil {
		return Pair{}, err
	}
	p, err := encode(der, key)
	if err != nil {
		return Pair{}, err
	}
	return p, a.save("ca", p)
}

func (a *Authority) template(subject pkix.Name, years int) *x509.Certificate {
	serial, _ := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	return &x509.Certificate{SerialNumber: serial, Subject: subject,
		NotBefore: a.now().Add(-time.Hour), NotAfter: a.now().AddDate(years, 0, 0)}
}

// Issue makes a client certificate for a user in groups, for example
// ("system:node:n1", "system:nodes") or ("alice", "system:masters").
func (a *Authority) Issue(user string, groups ...string) (Pair, error) {
	t := a.template(pkix.Name{CommonName: user, Organization: groups}, leafYears)
	t.KeyUsage, t.ExtKeyUsage = x509.KeyUsageDigitalSignature, []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	return a.sign(t)
}

// IssueServer makes a serving certificate for names and addresses, as a node's
// streaming server needs it. It also serves as a client certificate where user
// is given.
func (a *Authority) IssueServer(user string, groups []string, names ...string) (Pair, error) {
	t := a.template(pkix.Name{CommonName: user, Organization: groups}, leafYears)
	t.KeyUsage = x509.KeyUsageDigitalSignature
	t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	for _, n := range names {
		if ip := net.ParseIP(n); ip != nil {
			t.IPAddresses = append(t.IPAddresses, ip)
		} else {
			t.DNSNames = append(t.DNSNames, n)
		}
	}
	return a.sign(t)
}

func (a *Authority) sign(t *x509.Certificate) (Pair, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return Pair{}, err
	}
	der, err := x509.CreateCertificate(rand.Reader, t, a.cert, key.Public(), a.key)
	if err != nil {
		return Pair{}, fmt.Errorf("pki: %w", err)
	}
	return encode(der, key)
}

// CertPEM is the authority's own certificate.
func (a *Authority) CertPEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw})
}

// Pool holds the authority's certificate.
func (a *Authority) Pool() *x509.CertPool {
	p := x509.NewCertPool()
	p.AddCert(a.cert)
	return p
}

// TLS turns a pair into what crypto/tls takes.
func (p Pair) TLS() (tls.Certificate, error) { return tls.X509KeyPair(p.Cert, p.Key) }
