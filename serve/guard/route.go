package guard

import (
	"net/http"
	"path"
	"strings"

	"github.com/glipvk/glipvk/serve/api"
)

// Route is a path with what may be sent there.
type Route struct {
	Pattern  string // of [http.ServeMux], with a method
	Protocol string // for [Visit.Protocol]
	Types    Types  // of bodies; 0 is none
	Open     bool   // whether it needs no token: health and the page's files, by GET alone
	Body     int64  // bytes of a body, where that is less than the limit of all; 0 is that limit
	Handler  http.Handler
}

// ServeHTTP is the handler's.
func (r *Route) ServeHTTP(w http.ResponseWriter, q *http.Request) { r.Handler.ServeHTTP(w, q) }

// routes finds the route of a request.
type routes struct{ mux *http.ServeMux }

func newRoutes() routes { return routes{http.NewServeMux()} }

func (s routes) add(r Route) {
	if r.Open && !strings.HasPrefix(r.Pattern, "GET ") {
		panic("guard: the route " + r.Pattern + " is open and not of GET")
	}
	s.mux.Handle(r.Pattern, &r)
}

// find is a request's route, or the refusal where there is none. The mux has three answers of its own: text for 404 and
// 405, which programs cannot read, and a redirection to a path with a slash more, which Triton's client reports as an
// empty error. So it is asked first, and what it would have said is said in the protocol's words.
func (s routes) find(r *http.Request) (*Route, error) {
	handler, _ := s.mux.Handler(r)
	if route, ok := handler.(*Route); ok {
		return route, nil
	}
	if isRPC(r) { // for which clients know another word, upon which reflection tries its older version
		return nil, api.Refuse(api.BadMethod, "there is no such service or method")
	}
	answer := probe{header: http.Header{}}
	handler.ServeHTTP(&answer, r)
	if answer.status == http.StatusMethodNotAllowed {
		allow := answer.header.Get("Allow")
		refusal := api.Refuse(api.BadMethod, "this path takes %s, not %s", allow, api.Cut(r.Method))
		refusal.Allow = allow
		return nil, refusal
	}
	return nil, api.Refuse(api.NotFound, "there is nothing at this path")
}

// probe is a writer that keeps the status and the headers of an answer.
type probe struct {
	header http.Header
	status int
}

func (p *probe) Header() http.Header            { return p.header }
func (p *probe) Write(data []byte) (int, error) { return len(data), nil }
func (p *probe) WriteHeader(status int)         { p.status = status }

// unclean tells whether a path is not in its shortest form, a last slash aside, for which the mux would redirect.
// Percent-encoded dots and slashes have been decoded.
func unclean(p string) bool {
	if p == "" || p[0] != '/' || strings.Contains(p, "//") {
		return true
	}
	if len(p) > 1 {
		p = strings.TrimSuffix(p, "/")
	}
	return path.Clean(p) != p
}
