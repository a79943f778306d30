package serve

import (
	"context"
	"net"
	"net/http"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apiserver/pkg/endpoints/filters"
	"k8s.io/apiserver/pkg/endpoints/filters/impersonation"
	"k8s.io/apiserver/pkg/endpoints/request"
	"k8s.io/apiserver/pkg/endpoints/responsewriter"
	genericapiserver "k8s.io/apiserver/pkg/server"
	serverfilters "k8s.io/apiserver/pkg/server/filters"

	"cairn/events"
	"cairn/projections/apiserver/calls"
	"cairn/projections/apiserver/past"
	"cairn/projections/apiserver/tally"
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

// chain wraps upstream's handlers; short, because every filter costs each request.
func (s *Server) chain(api http.Handler, c *genericapiserver.Config) http.Handler {
	h := filters.WithAuthorization(api, c.Authorization.Authorizer, c.Serializer)
	h = serverfilters.WithMaxInFlightLimit(h, inFlight, inFlightWrites, longRunning)
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
	h = filters.WithRequestReceivedTimestamp(h)
	h = edge(h)
	h = serverfilters.WithPanicRecovery(h, c.RequestInfoResolver)
	return filters.WithAuditInit(h)
}

// edge notes where a request comes from, unless it comes from in process.
func edge(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := calls.From(r.Context())
		if c.Trusted != nil {
			next.ServeHTTP(w, r)
			return
		}
		c = &calls.Call{Agent: r.UserAgent()}
		if host, _, err := net.SplitHostPort(r.RemoteAddr); err == nil {
			c.Address = host
		}
		next.ServeHTTP(w, r.WithContext(calls.With(r.Context(), c)))
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

// countRefusals notes denials, conflicts and invalid writes that left no record
// of their own: of sessions and watches too, which are refused before they begin.
func (s *Server) countRefusals(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		info, ok := request.RequestInfoFrom(r.Context())
		if !ok {
			next.ServeHTTP(w, r)
			return
		}
		rec := &statusWriter{ResponseWriter: w}
		next.ServeHTTP(responsewriter.WrapForHTTP1Or2(rec), r)
		c := calls.From(r.Context())
		over := c.OverBudget.Load()
		if !over && (!worthRecording(rec.status, info) || c.Appended.Load() || isReview(info.Resource)) {
			return
		}
		n := tally.Note{Type: events.RequestRefused, Actor: calls.Actor(r.Context()), Status: rec.status, Reason: whyRefused(rec.status, info.Verb)}
		n.Verb, n.Resource, n.Subject = asked(info, c)
		if over {
			n.Status, n.Reason = http.StatusTooManyRequests, "more records than the budget allows"
			n.Verb, n.Resource, n.Subject = "append", "records", events.Ref{}
		}
		s.tally.Add(n)
	})
}

// whyRefused says in words what a status means for a write.
func whyRefused(status int, verb string) string {
	switch {
	case status == http.StatusConflict && verb == "create":
		return "there was one of that name already"
	case status == http.StatusConflict && (verb == "update" || verb == "patch"):
		return "it had been changed since it was read, or others own its fields"
	}
	return http.StatusText(status)
}

// asked says what a request wanted, and of which object.
func asked(info *request.RequestInfo, c *calls.Call) (verb, resource string, subject events.Ref) {
	verb = info.Verb
	if !info.IsResourceRequest {
		return verb, info.Path, subject
	}
	if info.Subresource != "" {
		verb += " " + info.Subresource
	}
	resource = schema.GroupResource{Group: info.APIGroup, Resource: info.Resource}.String()
	subject = events.Ref{Kind: resource, Namespace: info.Namespace, Name: info.Name}
	if known := c.Subject.Load(); known != nil && known.Kind == resource {
		subject = *known
	}
	return verb, resource, subject
}

func isReview(resource string) bool { return strings.HasSuffix(resource, "reviews") }

func worthRecording(status int, info *request.RequestInfo) bool {
	switch status {
	case http.StatusForbidden:
		return true
	case http.StatusConflict, http.StatusUnprocessableEntity, http.StatusRequestEntityTooLarge:
		return info.IsResourceRequest && info.Verb != "get" && info.Verb != "list" && info.Verb != "watch"
	}
	return false
}

// statusWriter remembers the status.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *statusWriter) WriteHeader(code int) {
	w.status = code
	w.ResponseWriter.WriteHeader(code)
}
