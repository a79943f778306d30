package nodeapi

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/endpoints/handlers/responsewriters"
	"k8s.io/apiserver/pkg/endpoints/request"
	"k8s.io/client-go/kubernetes"
	"k8s.io/kubernetes/pkg/api/legacyscheme"

	"cairn/events"
	"cairn/projections/feeds/hub"
	"cairn/projections/follower"
	"cairn/projections/kinds"
	"cairn/projections/view"
)

// Prefix starts the paths served here.
const Prefix = "/cairn/v1/nodes/"

// bodyLimit bounds what a node may send at once.
const bodyLimit = 2 << 20

// writeTimeout ends a stream whose node takes nothing: what it is being written
// stays in memory until then.
const writeTimeout = 30 * time.Second

// Cell is what the API reads of the view.
type Cell interface {
	view.Getter
	view.Waiter
	Position() view.Position
}

// Objects reads and writes objects as Kubernetes knows them: a *storage.Engine.
type Objects interface {
	Get(kind, namespace, name string, at events.Revision) (kinds.Object, error)
	List(kind, namespace string, at events.Revision) ([]kinds.Object, error)
	Object(o *view.Object) (kinds.Object, error)
	ReportedStatus(ref events.Ref, reported *corev1.PodStatus) (events.Part, error)
	NewEvent(ctx context.Context, t events.Type, ref events.Ref, uid string) *events.Event
	Append(ctx context.Context, e *events.Event) (follower.Written, error)
}

// Feeds streams to nodes and knows which registration is theirs: a *hub.Hub.
type Feeds interface {
	Assignments(ctx context.Context, node string, from events.Offset, write hub.Write) error
	VIPs(ctx context.Context, from events.Offset, write hub.Write) error
	Registration(node string, asked events.Offset) (is events.Offset, known bool)
	Members(ctx context.Context, o events.Offset) (map[string]events.Offset, error)
}

// Config is what an API works with.
type Config struct {
	Cell    Cell
	Objects Objects
	Feeds   Feeds
	Client  func(user.Info) kubernetes.Interface // in process, as that user
	CA      []byte                               // the cell's authority, PEM
}

// API serves nodes.
type API struct {
	Config
	ctx context.Context

	mu      sync.Mutex
	heard   map[string]time.Time     // wall clock of the last heartbeat, for Leases
	silence map[string]time.Duration // since then, connected time alone
	asked   time.Time
}

// New makes an API. Streams end with ctx.
func New(ctx context.Context, c Config) *API {
	return &API{Config: c, ctx: ctx, heard: map[string]time.Time{}, silence: map[string]time.Duration{}}
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
		a.stream(w, r, func(ctx context.Context, from events.Offset, write hub.Write) error {
			return a.Feeds.Assignments(ctx, node, from, write)
		})
	case "GET vips":
		a.stream(w, r, a.Feeds.VIPs)
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

// stream writes frames until the client, the server or the hub ends it.
func (a *API) stream(w http.ResponseWriter, r *http.Request, follow func(context.Context, events.Offset, hub.Write) error) {
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer context.AfterFunc(a.ctx, cancel)()
	from := events.NoOffset
	if q := r.URL.Query().Get("from"); q != "" {
		n, err := strconv.ParseInt(q, 10, 64)
		if err != nil {
			fail(w, r, apierrors.NewBadRequest("from is not an offset: "+err.Error()))
			return
		}
		from = events.Offset(n)
	}
	w.Header().Set("Content-Type", "application/vnd.cairn.feed")
	w.WriteHeader(http.StatusOK)
	control := http.NewResponseController(w)
	control.Flush()                                  //nolint:errcheck // the client is gone
	follow(ctx, from, func(frames ...[]byte) error { //nolint:errcheck // ends the stream; the client reconnects
		if err := control.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
			return err
		}
		for _, f := range frames {
			if _, err := w.Write(f); err != nil {
				return err
			}
		}
		return control.Flush()
	})
}
