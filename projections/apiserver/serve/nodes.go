package serve

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/kubernetes/pkg/kubelet/client"

	"cairn/events"
	"cairn/projections/apiserver/nodeapi"
	"cairn/projections/apiserver/pki"
	"cairn/projections/apiserver/storage"
	"cairn/projections/feeds/hub"
)

// deriveFeeds starts the one hub that all nodes' streams come from.
func (s *Server) deriveFeeds(run context.Context) {
	s.feeds, s.derived = hub.New(s.config.Cell, s.log), make(chan struct{})
	go func() {
		defer close(s.derived)
		if err := s.feeds.Run(run); run.Err() == nil {
			s.log.Error("the nodes' feeds have ended", "error", err)
		}
	}()
}

// Feeds is the hub of the nodes' feeds, for who writes them to topics.
func (s *Server) Feeds() *hub.Hub { return s.feeds }

// links reaches the nodes' streaming servers: it shows them the server's client
// certificate and checks that theirs names the node.
type links struct {
	engine *storage.Engine
	base   *tls.Config

	mu   sync.Mutex
	node map[string]*http.Transport
}

func newLinks(engine *storage.Engine, a *pki.Authority) (*links, error) {
	pair, err := a.Client()
	if err != nil {
		return nil, err
	}
	cert, err := pair.TLS()
	if err != nil {
		return nil, fmt.Errorf("serve: the client certificate: %w", err)
	}
	return &links{engine: engine, node: map[string]*http.Transport{},
		base: &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: a.Pool(), Certificates: []tls.Certificate{cert}}}, nil
}

// GetConnectionInfo says where a node's logs and streams are.
func (l *links) GetConnectionInfo(_ context.Context, name types.NodeName) (*client.ConnectionInfo, error) {
	o, err := l.engine.Get(events.Nodes, "", string(name), 0)
	if storage.IsNotFound(err) {
		return nil, apierrors.NewNotFound(schema.GroupResource{Resource: events.Nodes}, string(name))
	}
	if err != nil {
		return nil, err
	}
	host, port, err := net.SplitHostPort(o.GetAnnotations()[nodeapi.StreamingAnnotation])
	if err != nil {
		return nil, apierrors.NewServiceUnavailable("node " + string(name) + " serves no streams: its daemon gave no address when it registered")
	}
	t := l.transport(string(name))
	return &client.ConnectionInfo{Scheme: "https", Hostname: host, Port: port, Transport: t, InsecureSkipTLSVerifyTransport: t}, nil
}

func (l *links) transport(name string) *http.Transport {
	l.mu.Lock()
	defer l.mu.Unlock()
	if t := l.node[name]; t != nil {
		return t
	}
	c := l.base.Clone()
	c.ServerName = name
	t := &http.Transport{TLSClientConfig: c, DialContext: (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
		TLSHandshakeTimeout: 10 * time.Second, IdleConnTimeout: 30 * time.Second, MaxIdleConnsPerHost: 4}
	l.node[name] = t
	return t
}

func (l *links) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, t := range l.node {
		t.CloseIdleConnections()
	}
}
