package serve

import (
	"context"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/glipvk/glipvk/serve/annotate"
	"github.com/glipvk/glipvk/serve/api"
	"github.com/glipvk/glipvk/serve/guard"
	"github.com/glipvk/glipvk/serve/oip"
	"github.com/glipvk/glipvk/serve/v1"
	"github.com/glipvk/glipvk/web"
)

// types are content types as the guard knows them.
var types = map[string]guard.Types{
	"": guard.Missing, "*": guard.Anything, "application/json": guard.JSON, "multipart/form-data": guard.Multipart, "image/*": guard.Image,
	"application/octet-stream": guard.Octets, "application/grpc": guard.RPC,
}

// small is the longest body of a route that takes no picture.
const small = 64 << 10

// add puts routes behind a guard. Those whose bodies have pictures take a place in the queue before the body is read.
func (s *Server) add(g *guard.Guard, list ...api.Route) {
	for _, r := range list {
		out := guard.Route{Pattern: r.Pattern, Protocol: r.Protocol, Open: strings.HasPrefix(r.Pattern, "GET /v2/health/"), Handler: s.noted(r.Handler)}
		for _, t := range r.Types {
			kind, ok := types[t]
			if !ok {
				panic("serve: no content type " + t)
			}
			out.Types |= kind
		}
		switch {
		case r.Small:
			out.Body = small
		case r.Types != nil:
			out.Handler = s.noted(s.admitted(r.Handler))
		}
		g.Handle(out)
	}
}

// route adds all routes to a guard, but those that have listeners of their own.
func (s *Server) route(g *guard.Guard) {
	s.add(g, v1.Routes(s)...)
	s.add(g, annotate.Routes(s, s.annotation)...)
	for _, r := range s.inference() {
		if s.options.GRPC == "" || !isGRPC(r) {
			s.add(g, r)
		}
	}
	if s.options.Metrics == "" {
		s.routeMetrics(g)
	}
	if s.options.Page {
		pages := web.Handler(http.NotFoundHandler())
		for _, path := range pages.Paths() {
			if path == "/" {
				path = "/{$}"
			}
			g.Handle(guard.Route{Pattern: "GET " + path, Open: true, Handler: pages})
		}
	}
}

func (s *Server) routeMetrics(g *guard.Guard) {
	g.Handle(guard.Route{Pattern: "GET /metrics", Handler: s.metrics.handler()})
}

func (s *Server) routeGRPC(g *guard.Guard) {
	for _, r := range s.inference() {
		if isGRPC(r) {
			s.add(g, r)
		}
	}
}

// inference are the routes of the Open Inference Protocol.
func (s *Server) inference() []api.Route {
	return oip.Routes(s, oip.Options{Ready: s.unready, Live: s.live, Statistics: s.statistics, Delay: s.options.Delay, Draining: s.leaving})
}

func isGRPC(r api.Route) bool { return slices.Contains(r.Types, "application/grpc") }

// noted has the protocols' words of a request noted in its visit.
func (s *Server) noted(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v := guard.VisitOf(r.Context())
		v.Note = &line{}
		call := &api.Call{ID: v.ID}
		h.ServeHTTP(w, r.WithContext(api.WithCall(r.Context(), call)))
		if call.Refusal != nil && v.Code == "" {
			v.Code, v.Err = call.Refusal.Code, call.Refusal
		}
	})
}

// admitted takes a place in the queue before the body is read, or refuses.
func (s *Server) admitted(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := s.unready(); err != nil {
			s.refused(w, r, err)
			return
		}
		p, err := s.queue.Admit(r.Context(), max(r.ContentLength, 0))
		if err != nil {
			s.refused(w, r, err)
			return
		}
		at := &place{Place: p}
		defer func() {
			if !at.taken.Swap(true) {
				p.Leave()
			}
		}()
		r = r.WithContext(context.WithValue(r.Context(), placeKey{}, at))
		if r.Body != nil {
			r.Body = &weighed{r.Body, at, max(r.ContentLength, 0), 0}
		}
		h.ServeHTTP(w, r)
	})
}

// refused answers a request that was not taken. Its connection ends where it is draining.
func (s *Server) refused(w http.ResponseWriter, r *http.Request, err error) {
	refusal := api.Refused(err, guard.VisitOf(r.Context()).ID)
	if refusal.Code == api.Draining && r.ProtoMajor == 1 {
		w.Header().Set("Connection", "close")
	}
	guard.Refuse(w, r, refusal)
}

// weighed is a body that is longer than it said, or did not say how long it is: its place learns of what it brings before
// the memory is taken.
type weighed struct {
	io.ReadCloser
	place *place
	said  int64
	read  int64
}

// weighs is how many bytes more a body may bring before its place learns of them.
const weighs = 64 << 10

// Read implements io.Reader.
func (b *weighed) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if b.read += int64(n); b.read > b.said {
		b.said = b.read + weighs
		if refused := b.place.Resize(b.said); refused != nil {
			return 0, refused
		}
	}
	return n, err
}

// after writes the line of a request into the log, and counts it.
func (s *Server) after(r *http.Request, v *guard.Visit) {
	if v.Protocol != "" {
		s.metrics.ended(v.Protocol, v.Code)
	}
	s.metrics.http.WithLabelValues(methodOf(r), routeOf(v), status(v)).Observe(v.Duration.Seconds())
	s.access(r, v)
}

// quiet are the routes whose lines are for debugging: they are asked every few seconds.
func quiet(v *guard.Visit) bool {
	return strings.HasPrefix(v.Route, "GET /v2/health/") || v.Route == "GET /metrics" || strings.HasPrefix(v.Route, "GET /labelstudio")
}
