package serve

import (
	"net/http"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/endpoints/request"
	"k8s.io/apiserver/pkg/endpoints/responsewriter"
	"k8s.io/kubernetes/pkg/api/legacyscheme"

	"cairn/events"
	"cairn/projections/apiserver/calls"
	"cairn/projections/apiserver/tally"
)

// An answer to a refused request is kept up to answerBytes, and so many of its
// words go on record.
const (
	answerBytes = 4096
	reasonBytes = 300
)

// countRefusals notes denials, conflicts and invalid writes that left no record
// of their own: of sessions and watches too, which are refused before they begin.
func (s *Server) countRefusals(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		info, ok := request.RequestInfoFrom(r.Context())
		if !ok {
			next.ServeHTTP(w, r)
			return
		}
		rec := &refusal{ResponseWriter: w}
		next.ServeHTTP(responsewriter.WrapForHTTP1Or2(rec), r)
		c := calls.From(r.Context())
		over := c.OverBudget.Load()
		if !over && (!worthRecording(rec.status, info) || c.Appended.Load() || isReview(info.Resource) || overtaken(r, rec.status)) {
			return
		}
		n := tally.Note{Type: events.RequestRefused, Actor: calls.Actor(r.Context()), Status: rec.status, Reason: rec.why(info)}
		n.Verb, n.Resource, n.Subject = asked(info, c)
		if over {
			n.Status, n.Reason = http.StatusTooManyRequests, "more records than the budget allows"
			n.Verb, n.Resource, n.Subject = "append", "records", events.Ref{}
		}
		s.tally.Add(n)
	})
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

// overtaken reports whether a reconciler lost a race. It looks again and tries
// again by itself: with several at work that is normal, and tells an auditor nothing.
func overtaken(r *http.Request, status int) bool {
	return status == http.StatusConflict && calls.Actor(r.Context()).Reconciler != ""
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

// refusal remembers a status, and the answer where it is one that refuses.
type refusal struct {
	http.ResponseWriter
	status int
	answer []byte
}

func (w *refusal) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *refusal) WriteHeader(code int) {
	w.status = code
	w.ResponseWriter.WriteHeader(code)
}

func (w *refusal) Write(b []byte) (int, error) {
	if w.status >= http.StatusBadRequest {
		w.answer = append(w.answer, b[:min(len(b), answerBytes-len(w.answer))]...)
	}
	return w.ResponseWriter.Write(b)
}

// why is what the client was told. Answers about secrets and config maps may
// quote values, which have no place in the ledger: those say only the status.
func (w *refusal) why(info *request.RequestInfo) string {
	if info.Resource != "secrets" && info.Resource != "configmaps" {
		if obj, err := runtime.Decode(legacyscheme.Codecs.UniversalDeserializer(), w.answer); err == nil {
			if told, ok := obj.(*metav1.Status); ok && told.Message != "" {
				return strings.ToValidUTF8(told.Message[:min(len(told.Message), reasonBytes)], "")
			}
		}
	}
	switch {
	case w.status == http.StatusConflict && info.Verb == "create":
		return "there was one of that name already"
	case w.status == http.StatusConflict && (info.Verb == "update" || info.Verb == "patch"):
		return "it had been changed since it was read, or others own its fields"
	}
	return http.StatusText(w.status)
}
