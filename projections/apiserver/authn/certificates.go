package authn

import (
	"crypto/sha256"
	"net/http"
	"sync"
	"time"

	"k8s.io/apiserver/pkg/authentication/authenticator"
)

// A certificate is verified once in a while, not for each request on its
// connection: checking a signature costs as much as the rest of a request.
const (
	certificatesKept = 1024
	certificateTrust = time.Minute
)

type certificates struct {
	verify authenticator.Request
	now    func() time.Time

	mu    sync.Mutex
	known map[[sha256.Size]byte]verified
}

type verified struct {
	answer *authenticator.Response
	until  time.Time
}

// AuthenticateRequest answers for a certificate that was verified within the
// last minute and has not ended since; others are verified anew.
func (c *certificates) AuthenticateRequest(r *http.Request) (*authenticator.Response, bool, error) {
	if r.TLS == nil || len(r.TLS.PeerCertificates) == 0 {
		return nil, false, nil
	}
	leaf, now := r.TLS.PeerCertificates[0], c.now()
	k := sha256.Sum256(leaf.Raw)
	c.mu.Lock()
	v, ok := c.known[k]
	c.mu.Unlock()
	if ok && now.Before(v.until) {
		return v.answer, true, nil
	}
	answer, ok, err := c.verify.AuthenticateRequest(r)
	if !ok || err != nil {
		return answer, ok, err
	}
	until := now.Add(certificateTrust)
	if leaf.NotAfter.Before(until) {
		until = leaf.NotAfter
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known == nil || len(c.known) >= certificatesKept {
		c.known = map[[sha256.Size]byte]verified{}
	}
	c.known[k] = verified{answer, until}
	return answer, true, nil
}
