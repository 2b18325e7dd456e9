package v1

import "github.com/glipvk/glipvk/serve/api"

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
