package serve

import (
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/glipvk/glipvk/serve/annotate"
	"github.com/glipvk/glipvk/serve/api"
	"github.com/glipvk/glipvk/serve/guard"
	"github.com/glipvk/glipvk/serve/oip"
	"github.com/glipvk/glipvk/serve/v1"
	"github.com/glipvk/glipvk/web"
)

// kind is what routes of one prefix have in common; the longest that fits counts.
type kind struct {
	prefix string
	types  guard.Types
	asks   bool // bodies have pictures in them: a place in the queue is taken before they are read
	open   bool // without a token
}

// kinds of routes by prefix, "METHOD /path".
var kinds = []kind{
	{"GET /v2/health/", 0, false, true},
	{"GET /", 0, false, false},
	{"POST /v1/detect", guard.JSON | guard.Multipart, true, false},
	{"POST /v1/align", guard.JSON | guard.Multipart, true, false},
	{"POST /v1/tokens", guard.JSON, false, false},
	{"POST /v1/images", guard.Image | guard.Octets | guard.Multipart, true, false},
	{"POST /v2/models/", guard.JSON | guard.Octets | guard.Missing, true, false},
	{"POST /v2/repository/", guard.JSON | guard.Missing, false, false},
	{"POST /hf/", guard.Anything, true, false},
	{"POST /labelstudio/predict", guard.JSON, true, false},
	{"POST /labelstudio/", guard.JSON, false, false},
	{"POST /grounding_dino/infer", guard.JSON, true, false},
	{"POST /" + oip.Service + "/ModelInfer", guard.RPC, true, false},
	{"POST /", guard.RPC, false, false}, // of gRPC: methods, health, reflection
}

// kindOf is that of a pattern.
func kindOf(pattern string) (k kind) {
	for _, next := range kinds {
		if strings.HasPrefix(pattern, next.prefix) && len(next.prefix) >= len(k.prefix) {
			k = next
		}
	}
	return k
}

// routes is a mux that puts what comes behind the guard.
type routes struct {
	s *Server
	g *guard.Guard
}

// Handle adds a route.
func (m routes) Handle(pattern string, h http.Handler) {
	k := kindOf(pattern)
	h = m.s.noted(h)
	if k.asks {
		h = m.s.admitted(h)
	}
	m.g.Handle(guard.Route{Pattern: pattern, Types: k.types, Open: k.open, Handler: h})
}

// HandleFunc adds a route.
func (m routes) HandleFunc(pattern string, f func(http.ResponseWriter, *http.Request)) {
	m.Handle(pattern, http.HandlerFunc(f))
}

// route adds all routes to a guard, but those that have listeners of their own.
func (s *Server) route(g *guard.Guard) error {
	m := routes{s, g}
	v1.Routes(m, s)
	oip.Register(m, s, oip.Options{Ready: s.unready, Live: s.live, Statistics: s.statistics, Delay: s.options.Delay, Draining: s.leaving})
	annotate.Register(m, s, s.annotation)
	if s.options.Metrics == "" {
		m.Handle("GET /metrics", s.metrics.handler())
	}
	if s.options.Page {
		for _, f := range web.Files() {
			g.Handle(guard.Route{Pattern: "GET " + f.Path, Open: true, Handler: f})
		}
	}
	return nil
}

// noted has the protocols' words of a request noted in its visit.
func (s *Server) noted(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v := guard.VisitOf(r.Context())
		call := &api.Call{ID: v.ID}
		h.ServeHTTP(w, r.WithContext(api.WithCall(r.Context(), call)))
		if call.Refusal != nil && v.Code == "" {
			v.Code, v.Err = call.Refusal.Code, call.Refusal
		}
		if call.Protocol != "" {
			s.metrics.ended(call.Protocol, v.Code)
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
		r = r.WithContext(withPlace(r.Context(), at))
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
	if p := protocolOf(r); p != "" {
		s.metrics.ended(p, refusal.Code)
	}
	guard.Refuse(w, r, refusal)
}

// protocolOf is the protocol of a route that asks.
func protocolOf(r *http.Request) string {
	for prefix, protocol := range map[string]string{
		"/v1/": "v1", "/v2/": "oip_rest", "/hf/": "hf", "/labelstudio/": "labelstudio", "/grounding_dino/": "roboflow", "/" + oip.Service + "/": "oip_grpc",
	} {
		if strings.HasPrefix(r.URL.Path, prefix) {
			return protocol
		}
	}
	return ""
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
	s.metrics.http.WithLabelValues(methodOf(r), routeOf(v), status(v)).Observe(v.Duration.Seconds())
	s.access(r, v)
}

// quiet are the routes whose lines are for debugging: they are asked every few seconds.
func quiet(v *guard.Visit) bool {
	return strings.HasPrefix(v.Route, "GET /v2/health/") || v.Route == "GET /metrics" || strings.HasPrefix(v.Route, "GET /labelstudio")
}

var _ = time.Second
