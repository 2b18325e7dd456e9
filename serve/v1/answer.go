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

// Answer is what /v1/detect answers.
type Answer struct {
	Model      string      `json:"model"`
	ImageID    string      `json:"image_id,omitempty"` // of the picture, where it was to be kept or was
	Width      int         `json:"width"`
	Height     int         `json:"height"`
	Captions   []string    `json:"captions"`
	Phrases    []Sought    `json:"phrases"`
	Detections []Detection `json:"detections"`
	Timing     Timing      `json:"timing"`
}

// Sought is a phrase that was looked for.
type Sought struct {
	Label   int    `json:"label"`
	Phrase  string `json:"phrase"`
	Span    [2]int `json:"span"`
	Caption int    `json:"caption"`
	Silent  bool   `json:"silent"`
}

// Detection has the members that "glip detect --format json" writes.
type Detection struct {
	Box    [4]float64 `json:"box"`
	Score  float64    `json:"score"`
	Label  int        `json:"label"`
	Phrase string     `json:"phrase"`
	Span   [2]int     `json:"span"`
}

// Timing is in seconds.
type Timing struct {
	Queue     float64  `json:"queue"`
	Decode    float64  `json:"decode"`
	Picture   float64  `json:"picture"`
	Caption   float64  `json:"caption"`
	Grounding float64  `json:"grounding"`
	Total     float64  `json:"total"`
	Known     []string `json:"known"`
	Batch     int      `json:"batch"`
}

// answer is an answer in these words.
func answer(a api.Answer) Answer {
	f := a.Pictures[0]
	out := Answer{
		Model: a.Model, ImageID: f.Kept, Width: f.Width, Height: f.Height,
		Captions: append([]string{}, f.Captions...), Phrases: []Sought{}, Detections: []Detection{}, Timing: timing(a.Timing),
	}
	for _, p := range f.Phrases {
		out.Phrases = append(out.Phrases, Sought(p))
	}
	for _, d := range f.Detections {
		out.Detections = append(out.Detections, Detection(d))
	}
	return out
}

// timing is in seconds, lists never null.
func timing(t api.Timing) Timing {
	return Timing{
		Queue: t.Queue.Seconds(), Decode: t.Decode.Seconds(), Picture: t.Picture.Seconds(), Caption: t.Caption.Seconds(),
		Grounding: t.Grounding.Seconds(), Total: t.Total.Seconds(), Known: append([]string{}, t.Known...), Batch: t.Batch,
	}
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
	body, err := api.Body(r, h.limits.Body)
	if err != nil {
		return nil, err
	}
	var sentence string
	j := api.ReadJSON(body, h.limits.Depth)
	err = j.Object(func(name string) error {
		if name != "text" {
			return api.Refuse(api.BadRequest, "%q is no member: there is text", api.Cut(name))
		}
		var err error
		sentence, err = j.Text(h.limits.Sentence)
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
		data, err := api.Body(r, h.limits.Body)
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
