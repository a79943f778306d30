package history

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"cairn/events"
	"cairn/events/ledger"
	"cairn/projections/follower"
	"cairn/projections/view"
)

// Paths, relative to the server's root; all answer GET.
//
//	/cairn/v1/when?when=WHEN                 -> Moment
//	/cairn/v1/events?since=&until=&namespace=&type=&outcome=&object=KIND/NAME&follow=true -> stream of Entry, JSON lines
//	/cairn/v1/records/OFFSET                 -> Entry
//	/cairn/v1/why?object=KIND/NAME&namespace= or ?offset=N -> Story
//	/cairn/v1/status                         -> Status
const (
	PathWhen    = "/cairn/v1/when"
	PathEvents  = "/cairn/v1/events"
	PathRecords = "/cairn/v1/records/"
	PathWhy     = "/cairn/v1/why"
	PathStatus  = "/cairn/v1/status"
)

// Problem is the body of every answer that is not 200.
type Problem struct {
	Message string `json:"message"`
}

// Handler serves the paths above. Who may call it is the API server's to decide.
func Handler(cell follower.Cell, log ledger.Ledger) http.Handler {
	h := &handler{cell: cell, src: From(cell, log), log: log, now: time.Now}
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+PathWhen, h.when)
	mux.HandleFunc("GET "+PathEvents, h.events)
	mux.HandleFunc("GET "+PathRecords+"{offset}", h.record)
	mux.HandleFunc("GET "+PathWhy, h.why)
	mux.HandleFunc("GET "+PathStatus, h.status)
	return mux
}

type handler struct {
	cell follower.Cell
	src  Source
	log  ledger.Ledger
	now  func() time.Time
}

func (h *handler) when(w http.ResponseWriter, r *http.Request) {
	if err := h.cell.ReadPoint(r.Context()); err != nil {
		fail(w, err)
		return
	}
	when, err := ParseWhen(r.URL.Query().Get("when"), h.now())
	if err != nil {
		fail(w, err)
		return
	}
	moment, err := Resolve(h.cell, when)
	answer(w, moment, err)
}

func (h *handler) record(w http.ResponseWriter, r *http.Request) {
	o, err := strconv.ParseInt(r.PathValue("offset"), 10, 64)
	if err != nil {
		fail(w, fmt.Errorf("%w: offset %q; write a number", ErrQuery, r.PathValue("offset")))
		return
	}
	entry, err := Describe(r.Context(), h.src, events.Offset(o))
	answer(w, entry, err)
}

func (h *handler) why(w http.ResponseWriter, r *http.Request) {
	if err := h.cell.ReadPoint(r.Context()); err != nil {
		fail(w, err)
		return
	}
	v := r.URL.Query()
	if s := v.Get("offset"); s != "" {
		o, err := strconv.ParseInt(s, 10, 64)
		if err != nil || o < 0 {
			fail(w, fmt.Errorf("%w: offset %q; write a number", ErrQuery, s))
			return
		}
		story, err := TellRecord(r.Context(), h.src, events.Offset(o))
		answer(w, story, err)
		return
	}
	ref, err := ParseRef(v.Get("object"), first(v.Get("namespace"), "default"))
	if err != nil {
		fail(w, err)
		return
	}
	story, err := Tell(r.Context(), h.src, ref)
	answer(w, story, err)
}

func (h *handler) status(w http.ResponseWriter, r *http.Request) {
	end, err := h.log.ReadPoint(r.Context())
	if err != nil {
		fail(w, err)
		return
	}
	st, err := StatusOf(h.cell, end, h.now())
	answer(w, st, err)
}

func (h *handler) events(w http.ResponseWriter, r *http.Request) {
	if err := h.cell.ReadPoint(r.Context()); err != nil {
		fail(w, err)
		return
	}
	q, err := readQuery(h.cell, r.URL.Query(), h.now())
	if err != nil {
		fail(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/jsonl")
	w.WriteHeader(http.StatusOK)
	out, flush := json.NewEncoder(w), http.NewResponseController(w)
	_ = flush.Flush() // so that a follower knows it is connected; a writer that can't flush loses nothing
	err = Select(r.Context(), h.src, q, func(e *Entry) error {
		if err := out.Encode(e); err != nil {
			return err
		}
		if q.Follow {
			_ = flush.Flush()
		}
		return nil
	})
	if err != nil {
		// The status line is gone: a last line says what went wrong.
		_ = out.Encode(Problem{Message: err.Error()})
	}
}

func answer(w http.ResponseWriter, v any, err error) {
	if err != nil {
		fail(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // a reader that has gone has no use for the error
}

func fail(w http.ResponseWriter, err error) {
	code := http.StatusInternalServerError
	switch {
	case errors.Is(err, ErrWhen), errors.Is(err, ErrName), errors.Is(err, ErrQuery):
		code = http.StatusBadRequest
	case errors.Is(err, view.ErrNotFound):
		code = http.StatusNotFound
	case errors.Is(err, view.ErrStopped), errors.Is(err, ledger.ErrUnreachable):
		code = http.StatusServiceUnavailable
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(Problem{Message: err.Error()})
}
