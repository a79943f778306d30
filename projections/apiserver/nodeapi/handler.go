package nodeapi

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/endpoints/handlers/responsewriters"
	"k8s.io/apiserver/pkg/endpoints/request"
	"k8s.io/client-go/kubernetes"
	"k8s.io/kubernetes/pkg/api/legacyscheme"

	"cairn/events/feed"
	"cairn/projections/apiserver/storage"
	"cairn/projections/feeds"
)

// Prefix starts the paths served here.
const Prefix = "/cairn/v1/nodes/"

// bodyLimit bounds what a node may send at once.
const bodyLimit = 2 << 20

// API serves nodes.
type API struct {
	engine *storage.Engine
	client func(user.Info) kubernetes.Interface // in process, as that user
	ca     string
	ctx    context.Context

	mu      sync.Mutex
	heard   map[string]time.Time     // wall clock of the last heartbeat, for Leases
	silence map[string]time.Duration // since then, connected time alone
	asked   time.Time
}

// New makes an API; client makes requests in process as a user; ca is the
// cell's authority, PEM. Streams end with ctx.
func New(ctx context.Context, engine *storage.Engine, client func(user.Info) kubernetes.Interface, ca []byte) *API {
	return &API{engine: engine, client: client, ca: string(ca), ctx: ctx, heard: map[string]time.Time{}, silence: map[string]time.Duration{}}
}

// ServeHTTP routes /cairn/v1/nodes/NODE/...
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	node, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, Prefix), "/")
	u, _ := request.UserFrom(r.Context())
	if err := own(u, node); err != nil {
		fail(w, r, err)
		return
	}
	what, rest, _ := strings.Cut(rest, "/")
	switch r.Method + " " + what {
	case "POST register":
		answer(w, r, a.register)
	case "POST heartbeat":
		answer(w, r, a.heartbeat)
	case "POST reports":
		answer(w, r, a.report)
	case "GET pods":
		a.bundle(w, r, node, rest)
	case "GET assignments":
		stream(a, w, r, func(ctx context.Context, emit func(any) error) error {
			return feeds.Follow(ctx, a.engine.Cell(), node, func(e feed.AssignmentEntry) error { return emit(e) })
		})
	case "GET vips":
		stream(a, w, r, func(ctx context.Context, emit func(any) error) error {
			return feeds.FollowVIPs(ctx, a.engine.Cell(), func(e feed.VIPEntry) error { return emit(e) })
		})
	default:
		fail(w, r, apierrors.NewNotFound(schema.GroupResource{Group: "cairn", Resource: "nodes"}, node+"/"+what))
	}
}

// own lets a node in under its own name alone.
func own(u user.Info, node string) error {
	if u != nil && node != "" && u.GetName() == "system:node:"+node {
		for _, g := range u.GetGroups() {
			if g == user.NodesGroup {
				return nil
			}
		}
	}
	return apierrors.NewForbidden(schema.GroupResource{Group: "cairn", Resource: "nodes"}, node, errOwn)
}

type ownError struct{}

func (ownError) Error() string { return "a node acts under its own name, shown by its certificate" }

var errOwn = ownError{}

func fail(w http.ResponseWriter, r *http.Request, err error) {
	responsewriters.ErrorNegotiated(err, legacyscheme.Codecs, schema.GroupVersion{}, w, r)
}

// answer reads a JSON body, calls fn and writes its answer.
func answer[In, Out any](w http.ResponseWriter, r *http.Request, fn func(context.Context, string, *In) (Out, error)) {
	var in In
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, bodyLimit)).Decode(&in); err != nil {
		fail(w, r, apierrors.NewBadRequest("the body is not the JSON it should be: "+err.Error()))
		return
	}
	node, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, Prefix), "/")
	out, err := fn(r.Context(), node, &in)
	if err != nil {
		fail(w, r, err)
		return
	}
	write(w, out)
}

func write(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(v) //nolint:errcheck // the client is gone
}

// stream writes entries as JSON lines until the client, the server or the cell ends.
func stream(a *API, w http.ResponseWriter, r *http.Request, follow func(context.Context, func(any) error) error) {
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer context.AfterFunc(a.ctx, cancel)()
	w.Header().Set("Content-Type", "application/json-seq")
	w.WriteHeader(http.StatusOK)
	flush := http.NewResponseController(w)
	flush.Flush() //nolint:errcheck // the client is gone
	enc := json.NewEncoder(w)
	follow(ctx, func(e any) error { //nolint:errcheck // ends the stream; the client reconnects
		if err := enc.Encode(e); err != nil {
			return err
		}
		return flush.Flush()
	})
}
