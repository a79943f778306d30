package serve

import (
	"bytes"
	"context"
	"io"
	"net/http"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"cairn/events"
	"cairn/projections/apiserver/authz"
	"cairn/projections/apiserver/calls"
)

// Do carries out an API request in process as the reconciler of that name: it
// passes authorization, admission and defaulting like anyone's. verb is the
// HTTP method. causes and reason go into the record. The answer has the status
// and JSON body that HTTP would have; err is for requests without an answer.
func (s *Server) Do(ctx context.Context, reconciler string, causes []events.Offset, reason string,
	verb, path, contentType string, body []byte) (status int, out []byte, err error) {
	who := &user.DefaultInfo{Name: calls.ReconcilerPrefix + reconciler, Groups: []string{authz.ReconcilerGroup}}
	call := &calls.Call{Trusted: who, Causes: causes, Reason: reason, Agent: "cairn/" + reconciler}
	r, err := http.NewRequestWithContext(calls.With(ctx, call), verb, "https://cairn"+path, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	r.RequestURI = r.URL.RequestURI()
	r.Header.Set("Accept", runtime.ContentTypeJSON)
	r.Header.Set("User-Agent", call.Agent)
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	w := newBuffer()
	s.handler.ServeHTTP(w, r)
	if err := ctx.Err(); err != nil && w.status == 0 {
		return 0, nil, err
	}
	return w.code(), w.body.Bytes(), nil
}

// ClientFor is a client whose requests are made in process as u. It can't watch.
func (s *Server) ClientFor(u user.Info) kubernetes.Interface {
	return kubernetes.NewForConfigOrDie(s.loopback(u))
}

func (s *Server) loopback(u user.Info) *rest.Config {
	return &rest.Config{Host: "https://cairn", Transport: inProcess{s, u}, QPS: -1,
		ContentConfig: rest.ContentConfig{ContentType: runtime.ContentTypeProtobuf, AcceptContentTypes: runtime.ContentTypeProtobuf + "," + runtime.ContentTypeJSON}}
}

func system() user.Info {
	return &user.DefaultInfo{Name: calls.System, Groups: []string{user.SystemPrivilegedGroup}}
}

// inProcess is a http.RoundTripper into the server's own handler.
type inProcess struct {
	server *Server
	user   user.Info
}

func (t inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	outer := calls.From(r.Context())
	call := &calls.Call{Trusted: t.user, Causes: outer.Causes, Reason: outer.Reason, Address: outer.Address, Agent: outer.Agent}
	r2 := r.Clone(calls.With(context.WithoutCancel(r.Context()), call))
	ctx, cancel := context.WithCancel(r2.Context())
	defer cancel()
	defer context.AfterFunc(r.Context(), cancel)()
	r2 = r2.WithContext(ctx)
	r2.RequestURI = r2.URL.RequestURI()
	if r2.Body == nil {
		r2.Body = http.NoBody
	}
	w := newBuffer()
	t.server.handler.ServeHTTP(w, r2)
	return &http.Response{StatusCode: w.code(), Status: http.StatusText(w.code()), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: w.header, Body: io.NopCloser(&w.body), ContentLength: int64(w.body.Len()), Request: r}, nil
}

// buffer is a http.ResponseWriter in memory.
type buffer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func newBuffer() *buffer { return &buffer{header: http.Header{}} }

func (m *buffer) Header() http.Header { return m.header }
func (m *buffer) Flush()              {}

func (m *buffer) WriteHeader(code int) {
	if m.status == 0 {
		m.status = code
	}
}

func (m *buffer) Write(b []byte) (int, error) {
	m.WriteHeader(http.StatusOK)
	return m.body.Write(b)
}

func (m *buffer) code() int {
	if m.status == 0 {
		return http.StatusOK
	}
	return m.status
}
