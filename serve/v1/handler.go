package v1

import (
	_ "embed"
	"io"
	"net/http"
	"slices"

	"github.com/glipvk/glipvk/serve/api"
)

//go:embed openapi.json
var openapi string

// Routes are the routes of the protocol. Bodies come to them decompressed.
func Routes(b Backend) []api.Route {
	h := handler{parser{b.Info().Limits.Or()}, b}
	asking := []string{"application/json", "multipart/form-data"}
	routes := []api.Route{
		{Pattern: "GET /v1/info", Handler: api.Handler(func(*http.Request) (any, error) { return b.About(), nil })},
		{Pattern: "GET /v1/openapi.json", Handler: http.HandlerFunc(describe)},
		{Pattern: "POST /v1/detect", Protocol: "v1", Types: asking, Handler: api.Handler(h.detect)},
		{Pattern: "POST /v1/align", Protocol: "v1", Types: asking, Handler: api.Handler(h.align)},
		{Pattern: "POST /v1/tokens", Types: []string{"application/json"}, Small: true, Handler: api.Handler(h.tokens)},
		{Pattern: "POST /v1/images", Types: []string{"image/*", "application/octet-stream", "multipart/form-data"}, Handler: http.HandlerFunc(h.keep)},
		{Pattern: "GET /v1/images/{id}", Handler: http.HandlerFunc(h.kept)},
		{Pattern: "DELETE /v1/images/{id}", Handler: http.HandlerFunc(h.forget)},
	}
	return routes
}

// handler has the routes' methods.
type handler struct {
	parser
	b Backend
}

func (h handler) detect(r *http.Request) (any, error) {
	q, err := h.asked(r)
	if err != nil {
		return nil, err
	}
	a, err := h.b.Answer(r.Context(), q)
	if err != nil {
		return nil, err
	}
	return answer(a), nil
}

func (h handler) align(r *http.Request) (any, error) {
	q, err := h.asked(r)
	if err != nil {
		return nil, err
	}
	return h.b.Align(r.Context(), q)
}

func (h handler) tokens(r *http.Request) (any, error) {
	body, err := api.Body(r, h.Body)
	if err != nil {
		return nil, err
	}
	var sentence string
	j := api.ReadJSON(body, h.Depth)
	err = j.Object(func(name string) error {
		if name != "text" {
			return api.Refuse(api.BadRequest, "%q is no member: there is text", api.Cut(name))
		}
		var err error
		sentence, err = j.Text(h.Sentence)
		return err
	})
	if err == nil {
		err = j.End()
	}
	if err != nil {
		return nil, err
	}
	return h.b.Tokens(sentence)
}

// keeping says what a kept picture is called.
type keeping struct {
	ID      string `json:"id"`
	Width   int    `json:"width"`
	Height  int    `json:"height"`
	Expires int    `json:"expires_in"` // seconds after it was last asked about
}

func (h handler) keep(w http.ResponseWriter, r *http.Request) {
	k, err := h.sent(r)
	if err == nil {
		w.Header().Set("Location", "/v1/images/"+k.ID)
		err = api.WriteJSON(w, http.StatusCreated, keeping{k.ID, k.Width, k.Height, int(k.Expires.Seconds())})
	}
	if err != nil {
		api.Fail(r.Context(), err).Write(w)
	}
}

// sent keeps the picture that is a body, or the part "image" of a form.
func (h handler) sent(r *http.Request) (Kept, error) {
	if !isForm(r) {
		data, err := api.Body(r, h.Body)
		if err != nil {
			return Kept{}, err
		}
		return h.b.Keep(r.Context(), data)
	}
	q := reader{seen: map[string]bool{}}
	if err := h.form(r, &q); err != nil {
		return Kept{}, err
	}
	if q.data == nil {
		return Kept{}, api.Refuse(api.BadRequest, "the form has no part named image")
	}
	return h.b.Keep(r.Context(), slices.Clone(q.data)) // without the rest of the form
}

// kept gives a picture back with its own type, as a file to save: nothing of a stranger's is shown by a browser.
func (h handler) kept(w http.ResponseWriter, r *http.Request) {
	k, err := h.b.Kept(r.PathValue("id"))
	if err != nil {
		api.Fail(r.Context(), err).Write(w)
		return
	}
	w.Header().Set("Content-Type", k.Type)
	w.Header().Set("Content-Disposition", "attachment")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(k.Data) // who does not read it has left
}

func (h handler) forget(w http.ResponseWriter, r *http.Request) {
	if err := h.b.Forget(r.PathValue("id")); err != nil {
		api.Fail(r.Context(), err).Write(w)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func describe(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, openapi)
}
