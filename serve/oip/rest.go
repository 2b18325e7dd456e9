package oip

import (
	"net/http"
	"strconv"

	"github.com/glipvk/glipvk/serve/api"
)

// Routes are the routes of the protocol, REST and gRPC. Bodies come to them decompressed, those of gRPC as they are.
func Routes(answerer api.Answerer, o Options) []api.Route {
	m := model{answerer, o}
	var routes []api.Route
	get := func(pattern string, f func(r *http.Request) (any, error)) {
		routes = append(routes, api.Route{Pattern: "GET " + pattern, Handler: api.Handler(f)})
	}
	for _, root := range []string{"/v2", "/v2/{$}"} {
		get(root, func(*http.Request) (any, error) { return m.server(), nil })
	}
	get("/v2/health/live", func(*http.Request) (any, error) { return map[string]bool{"live": true}, m.live() })
	get("/v2/health/ready", func(*http.Request) (any, error) { return map[string]bool{"ready": true}, m.ready() })
	get("/v2/models/stats", func(*http.Request) (any, error) { return m.stats(), nil })
	routes = append(routes, api.Route{
		Pattern: "POST /v2/repository/index", Types: []string{"", "application/json"}, Small: true,
		Handler: api.Handler(func(*http.Request) (any, error) { return m.index(), nil }),
	})
	for _, base := range []string{"/v2/models/{model}", "/v2/models/{model}/versions/{version}"} {
		of := func(suffix string, f func() (any, error)) {
			get(base+suffix, func(r *http.Request) (any, error) {
				if err := m.named(r.PathValue("model"), r.PathValue("version")); err != nil {
					return nil, err
				}
				return f()
			})
		}
		of("", func() (any, error) { return m.metadata(), nil })
		of("/ready", func() (any, error) {
			return struct {
				Name  string `json:"name"`
				Ready bool   `json:"ready"`
			}{m.Info().Model, true}, m.ready()
		})
		of("/config", func() (any, error) { return m.config(), nil })
		of("/stats", func() (any, error) { return m.stats(), nil })
		routes = append(routes, api.Route{
			Pattern: "POST " + base + "/infer", Protocol: "oip_rest", Types: []string{"", "application/json", "application/octet-stream"}, // Triton's client sends none
			Handler: http.HandlerFunc(m.infer),
		})
	}
	return append(routes, m.grpc()...)
}

func (m model) stats() any {
	return map[string][]modelStatistics{"model_stats": {m.statistics()}}
}

// infer answers an inference by REST.
func (m model) infer(w http.ResponseWriter, r *http.Request) {
	if err := m.inferred(w, r); err != nil {
		api.Fail(r.Context(), err).Write(w)
	}
}

// inferred reads, asks and answers. An error has written nothing.
func (m model) inferred(w http.ResponseWriter, r *http.Request) error {
	if err := m.named(r.PathValue("model"), r.PathValue("version")); err != nil {
		return err
	}
	l := m.Info().Limits.Or()
	body, err := api.Body(r, l.Body)
	if err != nil {
		return err
	}
	header, err := headerOf(r.Header, len(body))
	if err != nil {
		return err
	}
	asked, err := readInfer(body, header, l)
	if err != nil {
		return err
	}
	all, err := m.ask(r.Context(), asked)
	if err != nil {
		return err
	}
	answer, rest, inBinary := asked.answer(m.Info(), all)
	text, err := api.Marshal(answer)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	if inBinary {
		w.Header().Set("Content-Type", "application/octet-stream")
		w.Header().Set(headerLength, strconv.Itoa(len(text)))
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(text)+len(rest)))
	_, _ = w.Write(text) // who does not read it has left
	_, _ = w.Write(rest)
	return nil
}
