package serve

import (
	"context"
	"net"
	"net/http"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apiserver/pkg/audit"
	"k8s.io/apiserver/pkg/endpoints/filters"
	"k8s.io/apiserver/pkg/endpoints/filters/impersonation"
	"k8s.io/apiserver/pkg/endpoints/request"
	genericapiserver "k8s.io/apiserver/pkg/server"
	serverfilters "k8s.io/apiserver/pkg/server/filters"
	"k8s.io/apiserver/pkg/server/routine"

	"cairn/projections/apiserver/calls"
	"cairn/projections/apiserver/past"
)

// requestTimeout bounds everything but watches and streams.
const requestTimeout = 60 * time.Second

// inFlight bounds requests under way at once.
const inFlight, inFlightWrites = 1000, 500

var upstreamLong = serverfilters.BasicLongRunningRequestCheck(sets.NewString("watch", "proxy"), sets.NewString("attach", "exec", "proxy", "log", "portforward"))

// longRunning tells watches and streams from requests that should end soon.
func longRunning(r *http.Request, info *request.RequestInfo) bool {
	return strings.HasPrefix(r.URL.Path, "/cairn/v1/") || upstreamLong(r, info)
}

// chain wraps upstream's handlers; short, because every filter costs each
// request.
func (s *Server) chain(api http.Handler, c *genericapiserver.Config) http.Handler {
	// Watches go on without the stack that found and checked their request.
	h := routine.WithRoutine(api, longRunning)
	h = filters.WithAuthorization(h, c.Authorization.Authorizer, c.Serializer)
	h = serverfilters.WithMaxInFlightLimit(h, inFlight, inFlightWrites, longRunning)
	h = streams(h)
	h = s.countRefusals(h)
	h = past.Guard(h, c.Authorization.Authorizer, c.Serializer, s.tally)
	h = impersonation.WithImpersonation(h, c.Authorization.Authorizer, c.Serializer)
	h = rememberCaller(h)
	h = filters.WithAuthentication(h, c.Authentication.Authenticator, filters.Unauthorized(c.Serializer), c.Authentication.APIAudiences, nil)
	h = filters.WithWarningRecorder(h)
	h = s.deadline(h)
	h = filters.WithCacheControl(h)
	h = filters.WithRequestInfo(h, c.RequestInfoResolver)
	h = past.Moments(h, s.engine.Cell(), c.Serializer, time.Now)
	h = edge(h)
	return serverfilters.WithPanicRecovery(h, c.RequestInfoResolver)
}

// edge notes where a request comes from, unless it comes from in process. The
// empty audit context is for upstream's handlers, which fail without one; the
// trail is the ledger.
func edge(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := audit.WithAuditContext(r.Context())
		if calls.From(ctx).Trusted == nil {
			c := &calls.Call{Agent: r.UserAgent()}
			if host, _, err := net.SplitHostPort(r.RemoteAddr); err == nil {
				c.Address = host
			}
			ctx = calls.With(ctx, c)
		}
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

// streams notes that a list's objects are wanted as they are.
func streams(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if i, ok := request.RequestInfoFrom(r.Context()); ok && i.Verb == "list" && !strings.Contains(strings.Join(r.Header["Accept"], ","), "as=") {
			calls.From(r.Context()).Streams = true
		}
		next.ServeHTTP(w, r)
	})
}

// rememberCaller notes who was authenticated, before impersonation.
func rememberCaller(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if u, ok := request.UserFrom(r.Context()); ok {
			calls.From(r.Context()).Authenticated = u.GetName()
		}
		next.ServeHTTP(w, r)
	})
}

// deadline bounds requests; watches and streams end with the server instead.
func (s *Server) deadline(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		info, ok := request.RequestInfoFrom(r.Context())
		if !ok || longRunning(r, info) {
			ctx, cancel := context.WithCancel(r.Context())
			defer cancel()
			defer context.AfterFunc(s.run, cancel)()
			next.ServeHTTP(w, r.WithContext(ctx))
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), requestTimeout)
		defer cancel()
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}
