package serve

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/emicklei/go-restful/v3"
)

// routesMost bounds the shapes of requests that routes remembers; clients
// choose headers, and with them shapes.
const routesMost = 4096

// routes remembers which route a request of some shape takes. go-restful's own
// router looks at each of a group's some hundred routes, and copies and sorts
// those that fit, for every request: a tenth of what a request costs before
// its handler.
//
// Invariant: what is remembered is what below answered for a request of the
// same shape, and below tells requests apart by nothing else.
type routes struct {
	below restful.RouteSelector
	known sync.Map // shape -> found
	count atomic.Int64
}

// shape is what a route is chosen by: method, media types, and the path with
// the names of namespace and object left out.
type shape struct{ method, path, accept, content string }

type found struct {
	service *restful.WebService
	route   *restful.Route
}

// SelectRoute implements restful.RouteSelector.
func (s *routes) SelectRoute(services []*restful.WebService, r *http.Request) (*restful.WebService, *restful.Route, error) {
	path, fits := template(r.URL.Path)
	if !fits || len(r.Header["Accept"]) > 1 || len(r.Header["Content-Type"]) > 1 {
		return s.below.SelectRoute(services, r)
	}
	k := shape{r.Method, path, r.Header.Get("Accept"), r.Header.Get("Content-Type")}
	if hit, ok := s.known.Load(k); ok {
		f := hit.(found)
		return f.service, f.route, nil
	}
	service, route, err := s.below.SelectRoute(services, r)
	if err == nil && s.count.Load() < routesMost {
		if _, there := s.known.LoadOrStore(k, found{service, route}); !there {
			s.count.Add(1)
		}
	}
	return service, route, err
}

// template puts a star for the names in the path of an object, a collection or
// a subresource; false for all other paths.
func template(path string) (string, bool) {
	parts := strings.Split(strings.TrimPrefix(path, "/"), "/")
	first := 3 // of the parts behind group and version
	switch parts[0] {
	case "api":
		first = 2
	case "apis":
	default:
		return "", false
	}
	if len(parts) <= first || slices.Contains(parts, "") || parts[first] == "watch" || parts[first] == "proxy" {
		return "", false
	}
	name := first + 1
	if parts[first] == "namespaces" && len(parts) > first+2 {
		parts[first+1] = "*"
		name = first + 3 // of /namespaces/NS/status too: its path ends before
	}
	if name < len(parts) {
		parts[name] = "*"
	}
	if len(parts) > name+2 {
		return "", false
	}
	return strings.Join(parts, "/"), true
}
