package worldtest

import (
	"context"
	"encoding/json"
	"net/http"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"cairn/events"
	"cairn/reconcilers/engine"
)

// Requests is the engine's way into the API server, with what Refuse refuses.
type Requests struct{ w *World }

// Requests gives the way in for an engine.
func (w *World) Requests() Requests { return Requests{w} }

// Do implements engine.Requests.
func (r Requests) Do(ctx context.Context, who engine.Identity, causes []events.Offset, reason, verb, path, contentType string, body []byte) (int, []byte, error) {
	if why := r.w.refused[verb+" "+kindOf(path)]; why != "" {
		out, err := json.Marshal(metav1.Status{Status: metav1.StatusFailure, Code: http.StatusForbidden, Message: why})
		return http.StatusForbidden, out, err
	}
	return r.w.Server.Do(ctx, who.Name, causes, reason, verb, path, contentType, body)
}

// Refuse has the API refuse a verb on a kind ("POST", "pods") to reconcilers, as
// a quota would; an empty why takes that back. Not while an engine runs.
func (w *World) Refuse(verb, kind, why string) { w.refused[verb+" "+kind] = why }
