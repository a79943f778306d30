package serve

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"

	"github.com/emicklei/go-restful/v3"
	extensions "k8s.io/apiserver/pkg/endpoints/discovery/aggregated"
	naming "k8s.io/apiserver/pkg/endpoints/openapi"
	genericapiserver "k8s.io/apiserver/pkg/server"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	"k8s.io/apiserver/pkg/util/openapi"
	"k8s.io/kubernetes/pkg/api/legacyscheme"
	"k8s.io/kubernetes/pkg/capabilities"
	generatedopenapi "k8s.io/kubernetes/pkg/generated/openapi"

	"cairn/events"
	"cairn/projections/apiserver/admission"
	"cairn/projections/apiserver/authn"
	"cairn/projections/apiserver/authz"
	"cairn/projections/apiserver/gates"
	"cairn/projections/apiserver/nodeapi"
	"cairn/projections/apiserver/registries"
)

// assemble builds upstream's server over our parts.
func (s *Server) assemble(run context.Context) error {
	capabilities.Setup(true, 0) // or privileged pods are refused
	who, err := authn.New(s.config.PKI, s.engine)
	if err != nil {
		return err
	}
	may, err := authz.New(s.engine)
	if err != nil {
		return err
	}
	c := genericapiserver.NewConfig(legacyscheme.Codecs)
	c.EffectiveVersion, c.FeatureGate = effectiveVersion(), utilfeature.DefaultFeatureGate
	c.ExternalAddress = s.listener.Addr().String()
	c.LongRunningFunc, c.RequestTimeout = longRunning, requestTimeout
	c.EnableProfiling, c.EnableIndex = true, true // /debug/pprof, for masters alone
	c.AggregatedDiscoveryGroupManager = extensions.NewResourceManager("apis")
	c.LoopbackClientConfig = s.loopback(system())
	c.Authentication.Authenticator, c.Authentication.APIAudiences = who.Requests, who.Audience
	c.Authorization.Authorizer, c.RuleResolver = may, may.Rules
	c.BuildHandlerChainFunc = s.chain
	describe(c)
	if c.AdmissionControl, err = admission.Chain(s.engine, may, s.ClientFor(system()), c.EffectiveVersion, run.Done()); err != nil {
		return err
	}
	s.generic, err = c.Complete(nil).New("cairn", genericapiserver.NewEmptyDelegate())
	if err != nil {
		return fmt.Errorf("serve: %w", err)
	}
	err = registries.Install(s.generic, registries.Config{Engine: s.engine, Tokens: who.Tokens, Audience: who.Audience, Requests: who.Requests,
		Authorizer: may, Rules: may.Rules, Nodes: s.links, Tally: s.tally, Sessions: s.sessions, Transport: http.DefaultTransport, Cell: s.config.Cell.Position().Cell})
	if err != nil {
		return fmt.Errorf("serve: %w", err)
	}
	s.generic.Handler.GoRestfulContainer.Router(&routes{below: restful.CurlyRouter{}})
	s.engine.Synthesize(events.Leases, s.nodes)
	mux := s.generic.Handler.NonGoRestfulMux
	mux.UnlistedHandlePrefix(nodeapi.Prefix, s.nodes)
	mux.UnlistedHandle(gates.Path, gates.Handler(s.engine))
	mux.UnlistedHandleFunc(definitionsPath, s.definitions)
	mux.UnlistedHandlePrefix(definitionsPath+"/", http.HandlerFunc(s.definitions))
	if s.config.History != nil {
		mux.UnlistedHandlePrefix("/cairn/v1/", s.config.History)
	}
	s.generic.PrepareRun()
	s.handler = s.generic.Handler
	return nil
}

// describe sets OpenAPI, for explain and validation by clients of any age.
func describe(c *genericapiserver.Config) {
	definitions := openapi.GetOpenAPIDefinitionsWithoutDisabledFeatures(generatedopenapi.GetOpenAPIDefinitions)
	namer := naming.NewDefinitionNamer(legacyscheme.Scheme)
	c.OpenAPIConfig = genericapiserver.DefaultOpenAPIConfig(definitions, namer)
	c.OpenAPIV3Config = genericapiserver.DefaultOpenAPIV3Config(definitions, namer)
	c.OpenAPIConfig.Info.Title, c.OpenAPIV3Config.Info.Title = "Cairn", "Cairn"
}

// secure wraps the handler in TLS; client certificates are asked for, and
// checked by authentication.
func (s *Server) secure() (*http.Server, error) {
	host, _, err := net.SplitHostPort(s.listener.Addr().String())
	if err != nil {
		return nil, err
	}
	names := append([]string{"kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local",
		"localhost", "127.0.0.1", s.apiAddress()}, s.config.Names...)
	if ip := net.ParseIP(host); ip != nil && !ip.IsUnspecified() {
		names = append(names, host)
	}
	if s.config.Advertise != "" {
		names = append(names, s.config.Advertise)
	}
	pair, err := s.config.PKI.Server(names...)
	if err != nil {
		return nil, err
	}
	cert, err := pair.TLS()
	if err != nil {
		return nil, fmt.Errorf("serve: the server certificate: %w", err)
	}
	return &http.Server{
		Handler:           s.handler,
		TLSConfig:         &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{cert}, ClientAuth: tls.RequestClientCert, ClientCAs: s.config.PKI.Pool()},
		HTTP2:             &http.HTTP2Config{MaxConcurrentStreams: 1000},
		ReadHeaderTimeout: requestTimeout / 2,
		ErrorLog:          nil,
	}, nil
}
