package past

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/authorization/authorizer"
	"k8s.io/apiserver/pkg/endpoints/handlers/responsewriters"
	"k8s.io/apiserver/pkg/endpoints/request"

	"cairn/events"
	"cairn/projections/apiserver/authz"
	"cairn/projections/apiserver/calls"
	"cairn/projections/apiserver/tally"
	"cairn/projections/follower"
	"cairn/projections/history"
)

// Header names the record as of which an answer is.
const Header = "Cairn-Moment"

// Split takes /@WHEN off a path; ok is false where there is none.
func Split(path string) (when, rest string, ok bool) {
	after, ok := strings.CutPrefix(path, "/@")
	if !ok {
		return "", path, false
	}
	when, rest, _ = strings.Cut(after, "/")
	return when, "/" + rest, true
}

// Moments resolves the prefix and puts the moment into the request's call.
func Moments(next http.Handler, cell follower.Cell, codecs runtime.NegotiatedSerializer, now func() time.Time) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, rest, ok := Split(r.URL.Path)
		if !ok {
			next.ServeHTTP(w, r)
			return
		}
		m, err := moment(r, cell, text, now())
		if err != nil && !readsObjects(rest) {
			err = nil // discovery is the same at any time; what is asked for next says what is wrong
		}
		if err != nil {
			responsewriters.ErrorNegotiated(err, codecs, schema.GroupVersion{}, w, r)
			return
		}
		r2 := r.Clone(r.Context())
		r2.URL = new(url.URL)
		*r2.URL = *r.URL
		r2.URL.Path, r2.URL.RawPath = rest, ""
		r2.RequestURI = r2.URL.RequestURI()
		calls.From(r2.Context()).At = m.Revision
		w.Header().Set(Header, strconv.FormatInt(int64(m.Offset), 10))
		next.ServeHTTP(w, r2)
	})
}

// readsObjects tells /api/v1/X and /apis/GROUP/VERSION/X from discovery.
func readsObjects(path string) bool {
	part := strings.Split(strings.Trim(path, "/"), "/")
	return part[0] == "api" && len(part) > 2 || part[0] == "apis" && len(part) > 3
}

func moment(r *http.Request, cell follower.Cell, text string, now time.Time) (history.Moment, error) {
	when, err := history.ParseWhen(text, now)
	if err != nil {
		return history.Moment{}, apierrors.NewBadRequest(err.Error())
	}
	if err := cell.ReadPoint(r.Context()); err != nil {
		return history.Moment{}, apierrors.NewServiceUnavailable("the ledger does not answer: " + err.Error())
	}
	m, err := history.Resolve(cell, when)
	if errors.Is(err, history.ErrWhen) {
		return m, apierrors.NewBadRequest(err.Error())
	}
	if err != nil {
		return m, apierrors.NewInternalError(err)
	}
	return m, nil
}

// Guard lets reads of the past through to those who may, and counts them.
func Guard(next http.Handler, auth authorizer.UnconditionalAuthorizer, codecs runtime.NegotiatedSerializer, count *tally.Tally) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := calls.From(r.Context())
		info, ok := request.RequestInfoFrom(r.Context())
		if c.At == 0 || !ok || !info.IsResourceRequest {
			if c.At != 0 && r.Method != http.MethodGet {
				responsewriters.ErrorNegotiated(readOnly(info), codecs, schema.GroupVersion{}, w, r)
				return
			}
			next.ServeHTTP(w, r)
			return
		}
		if err := check(r, auth, info); err != nil {
			responsewriters.ErrorNegotiated(err, codecs, schema.GroupVersion{}, w, r)
			return
		}
		res := schema.GroupResource{Group: info.APIGroup, Resource: info.Resource}.String()
		count.Add(tally.Note{Type: events.PastRead, Actor: calls.Actor(r.Context()), Verb: info.Verb, Resource: res, Status: http.StatusOK,
			Subject: events.Ref{Kind: res, Namespace: info.Namespace, Name: info.Name}, Reason: "as of " + c.At.String()})
		next.ServeHTTP(w, r)
	})
}

func readOnly(info *request.RequestInfo) error {
	return apierrors.NewMethodNotSupported(schema.GroupResource{Group: info.APIGroup, Resource: info.Resource}, info.Verb+" in the past")
}

func check(r *http.Request, auth authorizer.UnconditionalAuthorizer, info *request.RequestInfo) error {
	res := schema.GroupResource{Group: info.APIGroup, Resource: info.Resource}
	if reviews[res.Resource] {
		return nil // asks what may be done now
	}
	switch info.Subresource {
	case "log", "exec", "attach", "portforward", "proxy":
		return apierrors.NewBadRequest(info.Subresource + " of the past is not kept: ask for it without a moment")
	}
	switch info.Verb {
	case "get", "list", "watch":
	default:
		return readOnly(info)
	}
	u, _ := request.UserFrom(r.Context())
	d, reason, err := auth.Authorize(r.Context(), authorizer.AttributesRecord{User: u, Verb: "get", APIGroup: authz.PastGroup, APIVersion: "v1",
		Resource: authz.PastResource, ResourceRequest: true})
	if d != authorizer.DecisionAllow {
		if err != nil {
			reason = err.Error()
		}
		return apierrors.NewForbidden(res, info.Name, errors.New("reading the past needs the right to get "+authz.PastResource+"."+authz.PastGroup+" "+reason))
	}
	return nil
}

var reviews = map[string]bool{"selfsubjectaccessreviews": true, "selfsubjectrulesreviews": true, "selfsubjectreviews": true,
	"subjectaccessreviews": true, "localsubjectaccessreviews": true, "tokenreviews": true}
