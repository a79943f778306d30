package authn

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"testing"
	"time"

	"k8s.io/apiserver/pkg/authentication/authenticator"
	"k8s.io/apiserver/pkg/authentication/user"
)

func TestACertificateIsVerifiedAnewAfterAMinuteAndWhenItEnds(t *testing.T) {
	now, asked := time.Unix(1000, 0), 0
	c := &certificates{now: func() time.Time { return now }, verify: authenticator.RequestFunc(func(r *http.Request) (*authenticator.Response, bool, error) {
		asked++
		ok := !now.After(r.TLS.PeerCertificates[0].NotAfter)
		return &authenticator.Response{User: &user.DefaultInfo{Name: "alice"}}, ok, nil
	})}
	long := &http.Request{TLS: &tls.ConnectionState{PeerCertificates: []*x509.Certificate{{Raw: []byte("long"), NotAfter: now.Add(time.Hour)}}}}
	short := &http.Request{TLS: &tls.ConnectionState{PeerCertificates: []*x509.Certificate{{Raw: []byte("short"), NotAfter: now.Add(10 * time.Second)}}}}
	check := func(r *http.Request, wantOK bool, wantAsked int) {
		t.Helper()
		_, ok, err := c.AuthenticateRequest(r)
		if err != nil || ok != wantOK || asked != wantAsked {
			t.Fatalf("ok %t (%v), verified %d times; want %t, %d", ok, err, asked, wantOK, wantAsked)
		}
	}
	check(long, true, 1)
	check(long, true, 1)
	check(short, true, 2)
	now = now.Add(11 * time.Second)
	check(long, true, 2)
	check(short, false, 3)
	check(short, false, 4) // what fails is not kept
	now = now.Add(time.Minute)
	check(long, true, 5)
	check(&http.Request{}, false, 5)
}
