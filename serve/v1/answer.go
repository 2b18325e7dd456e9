package v1

import (
	_ "embed"
	"encoding/json"
	"io"
	"net/http"

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

// write answers with JSON.
func write(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(v) // who does not read it has left
}

// refuse answers with a refusal.
func refuse(w http.ResponseWriter, err error) {
	api.Refused(err, w.Header().Get("X-Request-Id")).Write(w)
}

func (h handler) info(w http.ResponseWriter, _ *http.Request) { write(w, http.StatusOK, h.b.About()) }

func (h handler) detect(w http.ResponseWriter, r *http.Request) {
	q, err := h.asked(r)
	if err != nil {
		refuse(w, err)
		return
	}
	a, err := h.b.Answer(r.Context(), q)
	if err != nil {
		refuse(w, err)
		return
	}
	write(w, http.StatusOK, answer(a))
}

func (h handler) align(w http.ResponseWriter, r *http.Request) {
	q, err := h.asked(r)
	if err != nil {
		refuse(w, err)
		return
	}
	a, err := h.b.Align(r.Context(), q)
	if err != nil {
		refuse(w, err)
		return
	}
	write(w, http.StatusOK, a)
}

// asked is the question of a request.
func (h handler) asked(r *http.Request) (api.Question, error) {
	body, err := h.read(r)
	if err != nil {
		return api.Question{}, err
	}
	q, err := body.question()
	q.ID = r.Header.Get("X-Request-Id")
	return q, err
}

func (h handler) tokens(w http.ResponseWriter, r *http.Request) {
	var asked struct {
		Text string `json:"text"`
	}
	body, err := h.json(r)
	if err == nil {
		err = parse(body, &asked)
	}
	if err == nil && len(asked.Text) > h.limits.Sentence {
		err = api.Refuse(api.TooLarge, "a text of %d bytes, at most %d are taken (--max-sentence)", len(asked.Text), h.limits.Sentence)
	}
	if err != nil {
		refuse(w, err)
		return
	}
	t, err := h.b.Tokens(asked.Text)
	if err != nil {
		refuse(w, err)
		return
	}
	write(w, http.StatusOK, t)
}

// keeping says what a kept picture is called.
type keeping struct {
	ID      string `json:"id"`
	Width   int    `json:"width"`
	Height  int    `json:"height"`
	Expires int    `json:"expires_in"` // seconds after it was last asked about
}

func (h handler) keep(w http.ResponseWriter, r *http.Request) {
	data, err := h.picture(r)
	if err != nil {
		refuse(w, err)
		return
	}
	k, err := h.b.Keep(r.Context(), data)
	if err != nil {
		refuse(w, err)
		return
	}
	w.Header().Set("Location", "/v1/images/"+k.ID)
	write(w, http.StatusCreated, keeping{k.ID, k.Width, k.Height, int(k.Expires.Seconds())})
}

// kept gives a picture back with its own type, as a file to save: nothing of a stranger's is shown by a browser.
func (h handler) kept(w http.ResponseWriter, r *http.Request) {
	k, err := h.b.Kept(r.PathValue("id"))
	if err != nil {
		refuse(w, err)
		return
	}
	w.Header().Set("Content-Type", k.Type)
	w.Header().Set("Content-Disposition", "attachment")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(k.Data)
}

func (h handler) forget(w http.ResponseWriter, r *http.Request) {
	if err := h.b.Forget(r.PathValue("id")); err != nil {
		refuse(w, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func (h handler) openapi(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, openapi)
}
