package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"time"
	"unicode/utf8"
)

const (
	maxMessage = 500 // characters of one entry
	maxName    = 60
)

//go:embed page.html
var pageSource string

var page = template.Must(template.New("page").Parse(pageSource))

// site is the front end: its handlers keep nothing between requests.
type site struct {
	book   book
	host   string // the pod's name: shows which replica answered
	out    io.Writer
	ending atomic.Bool // set on SIGTERM, so that readiness goes first
}

func (s *site) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.showPage)
	mux.HandleFunc("POST /{$}", s.postForm)
	mux.HandleFunc("GET /entries", s.listEntries)
	mux.HandleFunc("POST /entries", s.postEntry)
	mux.HandleFunc("GET /healthz", s.ready)
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	return s.logged(mux)
}

func (s *site) showPage(w http.ResponseWriter, r *http.Request) {
	entries, err := s.book.list(r.Context())
	data := struct {
		Entries []entry
		Host    string
		Problem string
		MaxText int
	}{Entries: entries, Host: s.host, MaxText: maxMessage}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if err != nil {
		data.Problem = err.Error()
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	if err := page.Execute(w, data); err != nil {
		fmt.Fprintf(s.out, "page not written: %v\n", err)
	}
}

func (s *site) postForm(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	if err := r.ParseForm(); err != nil {
		http.Error(w, "the form cannot be read: "+err.Error(), http.StatusBadRequest)
		return
	}
	if _, status, err := s.add(r.Context(), r.PostForm.Get("name"), r.PostForm.Get("message")); err != nil {
		http.Error(w, err.Error(), status)
		return
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

func (s *site) listEntries(w http.ResponseWriter, r *http.Request) {
	entries, err := s.book.list(r.Context())
	if err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	writeJSON(w, http.StatusOK, entries)
}

func (s *site) postEntry(w http.ResponseWriter, r *http.Request) {
	var in entry
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 64<<10)).Decode(&in); err != nil {
		http.Error(w, `send {"name":"...","message":"..."}: `+err.Error(), http.StatusBadRequest)
		return
	}
	added, status, err := s.add(r.Context(), in.Name, in.Message)
	if err != nil {
		http.Error(w, err.Error(), status)
		return
	}
	writeJSON(w, http.StatusCreated, added)
}

// add checks what was written and stores it; with an error it also returns
// the HTTP status that fits.
func (s *site) add(ctx context.Context, name, message string) (entry, int, error) {
	name, message = strings.TrimSpace(name), strings.TrimSpace(message)
	if name == "" {
		name = "someone"
	}
	if message == "" || utf8.RuneCountInString(message) > maxMessage {
		return entry{}, http.StatusUnprocessableEntity, fmt.Errorf("write a message of 1 to %d characters", maxMessage)
	}
	if utf8.RuneCountInString(name) > maxName {
		return entry{}, http.StatusUnprocessableEntity, fmt.Errorf("use a name of at most %d characters", maxName)
	}
	e := entry{Name: name, Message: message, Time: time.Now().UTC().Truncate(time.Second), Via: s.host}
	if err := s.book.add(ctx, e); err != nil {
		return entry{}, http.StatusServiceUnavailable, err
	}
	return e, 0, nil
}

// ready is the readiness probe: a replica that cannot reach Redis, or is about
// to end, must not get requests.
func (s *site) ready(w http.ResponseWriter, r *http.Request) {
	if s.ending.Load() {
		http.Error(w, "ending", http.StatusServiceUnavailable)
		return
	}
	if err := s.book.ping(r.Context()); err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, "ok")
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	// A failure here is the client having gone: the status is already out.
	_ = json.NewEncoder(w).Encode(v)
}
