package guard

import (
	"context"
	"log/slog"
	"math"
	"net"
	"net/http"
	"time"

	"github.com/glipvk/glipvk/serve/api"
)

// Options of a [Guard]. The zero value answers to this machine's own names alone and asks for no token: whether that is
// enough for an address is what [Listen] judges.
type Options struct {
	Listen  string     // the address served, "host:port" or "unix:/path": its host is answered to
	Hosts   []string   // further names that are answered to
	Origins []string   // other sites whose scripts may call and read, each "https://host" or "https://host:port"
	Tokens  *Tokens    // nil lets everybody in
	Limits  api.Limits // 0: the default
	Times   Times      // 0: the default
	Log     *slog.Logger

	Panicked func()                      // counts the panics of handlers
	After    func(*http.Request, *Visit) // sees each request once it has been answered or refused

	weak weak
}

// Guard is the handler around all routes. It is safe for concurrent use once its routes are known.
type Guard struct {
	options     Options
	hosts       hosts
	origins     origins
	routes      routes
	connections *connections
}

// New makes a guard without routes. Errors are sentences about a host or an origin that cannot be one.
func New(o Options) (*Guard, error) {
	o.Limits, o.Times = o.Limits.Or(), o.Times.Or()
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	g := &Guard{options: o, routes: newRoutes(), connections: newConnections(o.Limits.Connections)}
	var err error
	if g.hosts, err = newHosts(o.Listen, o.Hosts); err != nil {
		return nil, err
	}
	if g.origins, err = newOrigins(o.Origins); err != nil {
		return nil, err
	}
	return g, nil
}

// Handle adds a route. It panics, as [http.ServeMux.Handle] does, for a pattern that is none or is there already, and for
// an open route of another method than GET.
func (g *Guard) Handle(r Route) { g.routes.add(r) }

// Limit is the listener with no more connections at a time than the limits allow. Beyond them the connection that has
// been idle for longest is closed for the new one; if none is idle the new one waits.
func (g *Guard) Limit(l net.Listener) net.Listener {
	if g.options.weak.connections {
		return l
	}
	return g.connections.limit(l)
}

// ServeHTTP lets a request through to its route, or refuses it.
func (g *Guard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	v := newVisit(r)
	out := newWriter(w, v, g.options.Times.Write)
	if g.options.weak.write {
		out.wait = 0
	}
	r = r.WithContext(context.WithValue(r.Context(), visitKey{}, v))
	if !g.options.weak.headers {
		secure(out.Header())
	}
	out.Header()["X-Request-Id"] = []string{v.ID}
	if len(r.TransferEncoding) > 0 && !g.options.weak.close {
		// net/http drops a Content-Length that stood beside the chunks, so this may be a smuggled pair: RFC 9112 6.3
		// wants the connection closed after the answer.
		out.Header()["Connection"] = []string{"close"}
	}
	defer g.finish(out, r, v)
	b := g.begin(w, r, v)
	route, err := g.admit(out, r, v)
	if err == nil && route != nil {
		err = g.open(r, route, b)
	}
	if err != nil {
		Refuse(out, r, err)
		return
	}
	if route != nil {
		g.routes.mux.ServeHTTP(out, r)
	}
}

// admit asks for whom, by whom and for what a request is, in this order: a stranger learns nothing of tokens, and who has
// none learns nothing of routes. It is nil, nil for a request that it has answered.
func (g *Guard) admit(out *writer, r *http.Request, v *Visit) (*Route, error) {
	weak := &g.options.weak
	route, missing := g.routes.find(r)
	if route != nil {
		v.Protocol = route.Protocol // by which refusals too are counted
	}
	if !weak.host {
		if err := g.hosts.check(r); err != nil {
			return nil, err
		}
	}
	if !weak.origin {
		if answered, err := g.origins.check(out, r); err != nil || answered {
			return nil, err
		}
	}
	if !weak.path && unclean(r.URL.Path) {
		return nil, api.Refuse(api.NotFound, "there is nothing at this path: it is not in its shortest form")
	}
	if g.options.Tokens != nil && !weak.token && (route == nil || !route.Open) {
		name, err := g.options.Tokens.check(r)
		if err != nil {
			return nil, err
		}
		v.Client = name
	}
	if route == nil {
		return nil, missing
	}
	v.Route = route.Pattern
	if !weak.types {
		if err := route.Types.check(r); err != nil {
			return nil, err
		}
	}
	return route, nil
}

// begin puts a clock on the body, if there is one: refusing without it, net/http would wait for the rest of a body
// without an end. The result is nil for a request without a body.
func (g *Guard) begin(w http.ResponseWriter, r *http.Request, v *Visit) *body {
	if r.Body == nil || r.ContentLength == 0 {
		return nil
	}
	b := &body{in: r.Body, visit: v, request: r, deadline: http.NewResponseController(w).SetReadDeadline, length: r.ContentLength, time: g.options.Times}
	if g.options.weak.slow {
		b.deadline = func(time.Time) error { return nil }
	}
	b.extend(max(r.ContentLength, 0))
	b.limited = func(limit int64) { b.in = http.MaxBytesReader(w, b.in, limit) }
	r.Body = b
	return b
}

// open bounds a body by its route.
func (g *Guard) open(r *http.Request, route *Route, b *body) error {
	if b == nil {
		return nil
	}
	limit := g.options.Limits.Body
	if route.Body > 0 {
		limit = min(limit, route.Body)
	}
	if g.options.weak.body {
		limit = math.MaxInt64 >> 1
	}
	return b.bound(r, limit, route.Types&RPC != 0)
}

// finish answers for a handler that panicked, and tells of the request.
func (g *Guard) finish(out *writer, r *http.Request, v *Visit) {
	var abort any
	if !g.options.weak.panics {
		if cause := recover(); cause != nil {
			abort = recovered(g.options.Log, out, r, cause)
			if v.Code == api.Internal && g.options.Panicked != nil {
				g.options.Panicked()
			}
		}
	}
	if abort == nil {
		out.last()
	}
	v.Duration = time.Since(v.Start)
	if g.options.After != nil {
		g.options.After(r, v)
	}
	if abort != nil {
		panic(abort)
	}
}
