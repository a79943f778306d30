package gates

import (
	"encoding/json"
	"errors"
	"net/http"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/endpoints/handlers/responsewriters"
	"k8s.io/kubernetes/pkg/api/legacyscheme"

	"cairn/events"
	"cairn/projections/apiserver/storage"
	"cairn/projections/message"
	"cairn/projections/view"
)

// Path serves gates: GET tells, POST activates; ?to=GATE, else the newest that
// this server knows. DELETE ?server=NAME records that a server will not return.
const Path = "/cairn/v1/gate"

// Report is the answer.
type Report struct {
	Active  string        `json:"active"` // the active gate's name
	To      string        `json:"to"`     // the one asked for
	Done    bool          `json:"done"`   // To is active
	Offset  events.Offset `json:"offset,omitempty"`
	Servers []Known       `json:"servers"`
}

// Known is one registered server.
type Known struct {
	Name     string `json:"name"`
	Supports string `json:"supports"` // the highest gate it knows
	Version  string `json:"version"`
	HoldsUp  bool   `json:"holdsUp"` // it does not know To
}

// Handler serves Path.
func Handler(engine *storage.Engine) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rep, err := answer(engine, r)
		if err != nil {
			responsewriters.ErrorNegotiated(err, legacyscheme.Codecs, schema.GroupVersion{}, w, r)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(rep) //nolint:errcheck // the client is gone
	})
}

func answer(engine *storage.Engine, r *http.Request) (*Report, error) {
	resource := schema.GroupResource{Group: "cairn", Resource: "gates"}
	switch r.Method {
	case http.MethodGet, http.MethodPost, http.MethodDelete:
	default:
		return nil, apierrors.NewMethodNotSupported(resource, r.Method)
	}
	to := events.Newest
	if name := r.URL.Query().Get("to"); name != "" {
		var err error
		if to, err = events.ParseGate(name); err != nil {
			return nil, apierrors.NewBadRequest(err.Error())
		}
	}
	if err := engine.Cell().ReadPoint(r.Context()); err != nil {
		return nil, apierrors.NewServiceUnavailable("the ledger does not answer: " + err.Error())
	}
	p := engine.Cell().Position()
	var e *events.Event
	switch {
	case r.Method == http.MethodDelete:
		e = engine.NewEvent(r.Context(), events.ServerLeft, Server{Name: r.URL.Query().Get("server")}.ref(), "")
		e.Reason = "it will not return"
	case r.Method == http.MethodPost && p.Gate != to:
		e = engine.NewEvent(r.Context(), events.FoldActivated, events.Ref{Kind: events.Cells, Name: p.Cell.Name}, "")
		e.Facts.Activation = &events.Activation{Gate: to}
	default:
		return report(engine, to)
	}
	w, err := engine.Append(r.Context(), e)
	if err != nil {
		return nil, err
	}
	if !w.Outcome.Accepted() {
		return nil, apierrors.NewConflict(resource, e.Subject.Name, errors.New(message.Outcome(w.Outcome)))
	}
	rep, err := report(engine, to)
	if err == nil {
		rep.Offset = w.Offset
	}
	return rep, err
}

func report(engine *storage.Engine, to events.Gate) (*Report, error) {
	active := engine.Cell().Position().Gate
	rep := &Report{Active: active.String(), To: to.String(), Done: active >= to, Servers: []Known{}}
	list, _, err := engine.Cell().List(events.Servers, view.Page{})
	if err != nil {
		return nil, apierrors.NewInternalError(err)
	}
	for _, o := range list {
		if o.Projected == nil || o.Projected.Server == nil {
			continue
		}
		s := o.Projected.Server
		rep.Servers = append(rep.Servers, Known{Name: o.Ref.Name, Supports: s.Supports.String(), Version: s.Version, HoldsUp: s.Supports < to})
	}
	return rep, nil
}
