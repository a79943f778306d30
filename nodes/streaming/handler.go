package streaming

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"k8s.io/cri-streaming/pkg/streaming/portforward"
	"k8s.io/cri-streaming/pkg/streaming/remotecommand"
	utilexec "k8s.io/utils/exec"

	"cairn/nodes/runtime"
)

// ErrNotFound says that there is no such pod or container here.
var ErrNotFound = errors.New("not found on this node")

// Container is one container as streaming needs it.
type Container interface {
	// Exec runs a command; its exit code.
	Exec(ctx context.Context, command []string, s runtime.Streams) (int, error)
	// Attach joins the streams of its first process until that ends.
	Attach(ctx context.Context, s runtime.Streams) error
	// Log gives the path of a log: of the current process, or of the previous
	// one, and whether that process may still write.
	Log(previous bool) (path string, live func() bool, err error)
}

// Backend finds containers and pods. An empty uid matches any.
type Backend interface {
	Container(namespace, pod, uid, container string) (Container, error)
	// Dial connects to a port of the pod, on its loopback address.
	Dial(ctx context.Context, namespace, pod, uid string, port int32) (net.Conn, error)
}

// idle ends a connection on which nothing is said (as the kubelet's default).
const idle = 4 * time.Hour

// Handler serves b.
func Handler(b Backend) http.Handler {
	h := &handler{b}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /containerLogs/{ns}/{pod}/{container}", h.logs)
	for _, uid := range []string{"", "/{uid}"} {
		mux.HandleFunc("/exec/{ns}/{pod}"+uid+"/{container}", h.exec)
		mux.HandleFunc("/attach/{ns}/{pod}"+uid+"/{container}", h.attach)
		mux.HandleFunc("/portForward/{ns}/{pod}"+uid, h.forward)
	}
	return mux
}

// Allow lets only clients in whose certificate has one of these common names.
// The TLS layer must have verified it against the cell's authority.
func Allow(h http.Handler, names ...string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.TLS == nil || len(r.TLS.VerifiedChains) == 0 {
			http.Error(w, "a client certificate of the cell is needed", http.StatusUnauthorized)
			return
		}
		if name := r.TLS.PeerCertificates[0].Subject.CommonName; !slices.Contains(names, name) {
			http.Error(w, fmt.Sprintf("%s may not reach containers on this node; only a server of the cell may", name), http.StatusForbidden)
			return
		}
		h.ServeHTTP(w, r)
	})
}

// Server serves h over TLS, without HTTP/2, over which connections cannot be
// upgraded to streams. conf must demand and verify client certificates. The
// caller listens and closes.
func Server(h http.Handler, conf *tls.Config) *http.Server {
	conf = conf.Clone()
	conf.NextProtos = []string{"http/1.1"}
	return &http.Server{
		Handler: h, TLSConfig: conf, ReadHeaderTimeout: 10 * time.Second,
		TLSNextProto: map[string]func(*http.Server, *tls.Conn, http.Handler){},
	}
}

type handler struct{ b Backend }

func (h *handler) find(w http.ResponseWriter, r *http.Request) Container {
	c, err := h.b.Container(r.PathValue("ns"), r.PathValue("pod"), r.PathValue("uid"), r.PathValue("container"))
	if err != nil {
		refuse(w, err)
		return nil
	}
	return c
}

func refuse(w http.ResponseWriter, err error) {
	code := http.StatusBadRequest
	if errors.Is(err, ErrNotFound) {
		code = http.StatusNotFound
	}
	http.Error(w, err.Error(), code)
}

func (h *handler) exec(w http.ResponseWriter, r *http.Request) {
	opts, err := remotecommand.NewOptions(r)
	if err == nil && len(r.Form["command"]) == 0 {
		err = errors.New("no command given")
	}
	if err != nil {
		refuse(w, err)
		return
	}
	if c := h.find(w, r); c != nil {
		remotecommand.ServeExec(w, r, session{c}, r.PathValue("pod"), r.PathValue("uid"), r.PathValue("container"), r.Form["command"],
			opts, idle, remotecommand.DefaultStreamCreationTimeout, remotecommand.SupportedStreamingProtocols)
	}
}

func (h *handler) attach(w http.ResponseWriter, r *http.Request) {
	opts, err := remotecommand.NewOptions(r)
	if err != nil {
		refuse(w, err)
		return
	}
	if c := h.find(w, r); c != nil {
		remotecommand.ServeAttach(w, r, session{c}, r.PathValue("pod"), r.PathValue("uid"), r.PathValue("container"),
			opts, idle, remotecommand.DefaultStreamCreationTimeout, remotecommand.SupportedStreamingProtocols)
	}
}

func (h *handler) forward(w http.ResponseWriter, r *http.Request) {
	opts, err := portforward.NewV4Options(r)
	if err != nil {
		refuse(w, err)
		return
	}
	portforward.ServePortForward(w, r, forwarder{h.b, r.PathValue("ns")}, r.PathValue("pod"), r.PathValue("uid"),
		opts, idle, remotecommand.DefaultStreamCreationTimeout, portforward.SupportedProtocols)
}

// session serves one container to the streaming library.
type session struct{ c Container }

func (s session) ExecInContainer(ctx context.Context, _, _, _ string, cmd []string, in io.Reader, out, errOut io.WriteCloser, tty bool, resize <-chan remotecommand.TerminalSize, _ time.Duration) error {
	code, err := s.c.Exec(ctx, cmd, streams(ctx, in, out, errOut, tty, resize))
	if err == nil && code != 0 {
		return utilexec.CodeExitError{Err: fmt.Errorf("exit code %d", code), Code: code}
	}
	return err
}

func (s session) AttachContainer(ctx context.Context, _, _, _ string, in io.Reader, out, errOut io.WriteCloser, tty bool, resize <-chan remotecommand.TerminalSize) error {
	return s.c.Attach(ctx, streams(ctx, in, out, errOut, tty, resize))
}

// streams keeps nil interfaces nil: the library hands out typed nothing.
func streams(ctx context.Context, in io.Reader, out, errOut io.WriteCloser, tty bool, resize <-chan remotecommand.TerminalSize) runtime.Streams {
	s := runtime.Streams{TTY: tty}
	if in != nil {
		s.Stdin = in
	}
	if out != nil {
		s.Stdout = out
	}
	if errOut != nil {
		s.Stderr = errOut
	}
	if resize != nil {
		sizes := make(chan runtime.Size)
		s.Resize = sizes
		go func() {
			defer close(sizes)
			for {
				select {
				case <-ctx.Done():
					return
				case z, ok := <-resize:
					if !ok {
						return
					}
					select {
					case sizes <- runtime.Size{Width: z.Width, Height: z.Height}:
					case <-ctx.Done():
						return
					}
				}
			}
		}()
	}
	return s
}

type forwarder struct {
	b  Backend
	ns string
}

// PortForward copies between the stream and the pod's port until either ends.
func (f forwarder) PortForward(ctx context.Context, pod, uid string, port int32, stream io.ReadWriteCloser) error {
	defer stream.Close()
	c, err := f.b.Dial(ctx, f.ns, pod, uid, port)
	if err != nil {
		return fmt.Errorf("nothing answers on port %d of pod %s: %w", port, pod, err)
	}
	defer c.Close()
	stop := context.AfterFunc(ctx, func() { c.Close() })
	defer stop()
	up := make(chan struct{})
	go func() {
		defer close(up)
		_, _ = io.Copy(c, stream)
		if t, ok := c.(*net.TCPConn); ok {
			_ = t.CloseWrite()
		}
	}()
	_, err = io.Copy(stream, c)
	if err != nil && strings.Contains(err.Error(), "use of closed") {
		err = nil
	}
	return err
}
