package serve

import (
	"net/http"
	"strings"
	"testing"

	"github.com/emicklei/go-restful/v3"
)

func TestNamesAreLeftOutOfAPathsTemplate(t *testing.T) {
	for path, want := range map[string]string{
		"/api/v1/pods":                                "api/v1/pods",
		"/api/v1/nodes/n1":                            "api/v1/nodes/*",
		"/api/v1/nodes/n1/status":                     "api/v1/nodes/*/status",
		"/api/v1/namespaces":                          "api/v1/namespaces",
		"/api/v1/namespaces/a":                        "api/v1/namespaces/*",
		"/api/v1/namespaces/a/status":                 "api/v1/namespaces/*/status",
		"/api/v1/namespaces/a/pods/":                  "",
		"/api/v1//pods":                               "",
		"/api/v1/namespaces/a/pods/b":                 "api/v1/namespaces/*/pods/*",
		"/api/v1/namespaces/a/pods/b/log":             "api/v1/namespaces/*/pods/*/log",
		"/apis/apps/v1/namespaces/a/deployments/b":    "apis/apps/v1/namespaces/*/deployments/*",
		"/apis/apps/v1/deployments":                   "apis/apps/v1/deployments",
		"/api/v1/namespaces/a/services/b/proxy/x/y":   "",
		"/api/v1/watch/namespaces/a/pods":             "",
		"/api/v1/watch/pods":                          "",
		"/apis/apps/v1":                               "",
		"/api":                                        "",
		"/":                                           "",
		"/healthz":                                    "",
		"/api/v1/namespaces/namespaces/pods/pods/log": "api/v1/namespaces/*/pods/*/log",
	} {
		got, fits := template(path)
		if fits != (want != "") || fits && got != want {
			t.Errorf("%s: %q, %v; want %q", path, got, fits, want)
		}
	}
}

// A remembered answer is the one that go-restful gives itself, for every route
// that a server has.
func TestRoutesAreChosenAsByUpstream(t *testing.T) {
	c := newCell(t)
	services := c.server.generic.Handler.GoRestfulContainer.RegisteredWebServices()
	s := &routes{below: restful.CurlyRouter{}}
	asked := 0
	for _, ws := range services {
		for _, r := range ws.Routes() {
			for _, fill := range [][2]string{{"a", "b"}, {"status", "pods"}} {
				req := requestFor(t, r, fill[0], fill[1])
				_, want, wantErr := s.below.SelectRoute(services, req)
				for range 2 {
					if _, got, err := s.SelectRoute(services, req); (err == nil) != (wantErr == nil) || err == nil && got.String() != want.String() {
						t.Fatalf("%s %s: %v, %v; want %v, %v", req.Method, req.URL.Path, got, err, want, wantErr)
					}
				}
				asked++
			}
		}
	}
	if n := s.count.Load(); n < 100 || asked < 2*int(n) {
		t.Errorf("%d shapes remembered of %d requests", n, asked)
	}
	wrong := requestFor(t, services[0].Routes()[0], "a", "b")
	wrong.URL.Path, wrong.Method = "/api/v1/namespaces/a/pods", "BREW"
	for range 2 {
		if _, _, err := s.SelectRoute(services, wrong); err == nil {
			t.Error("an unknown method found a route")
		}
	}
}

func requestFor(t *testing.T, r restful.Route, namespace, name string) *http.Request {
	t.Helper()
	path := ""
	for _, p := range strings.Split(strings.Trim(r.Path, "/"), "/") {
		switch p {
		case "{namespace}":
			p = namespace
		case "{name}":
			p = name
		}
		path += "/" + p
	}
	req, err := http.NewRequestWithContext(t.Context(), r.Method, "https://cairn"+path, nil)
	must(t, err)
	if len(r.Consumes) > 0 {
		req.Header.Set("Content-Type", r.Consumes[0])
	}
	req.Header.Set("Accept", "*/*")
	return req
}
