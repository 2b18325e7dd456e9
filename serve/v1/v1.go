// Package v1 is the server's own protocol, with the whole of the detector: sentence, phrases, spans, classes, what each
// word answers to, what took how long.
//
//	POST /v1/detect      pictures' boxes: JSON, or a form as curl -F makes it
//	POST /v1/align       how strongly each place of a picture answers to each word
//	POST /v1/tokens      what a sentence becomes, at once
//	POST /v1/images      keeps a picture, to ask about it by its ID; GET gives it back, DELETE forgets it
//	GET  /v1/info        model, device, limits, defaults
//	GET  /v1/openapi.json
//
// It sees the detector and the queue through a [Backend] only.
package v1

import (
	"context"
	"time"

	"github.com/glipvk/glipvk/serve/api"
)

// Backend answers.
type Backend interface {
	api.Answerer

	// About is what GET /v1/info says.
	About() About

	// Align finds how strongly each place of the question's one picture answers to each token of its one caption.
	Align(context.Context, api.Question) (Alignment, error)

	// Tokens cuts a text into what the model reads. It takes well under a millisecond and no place in the queue.
	Tokens(text string) (Tokens, error)

	// Keep keeps a picture, which it checks; Kept gives one, Forget forgets it. Errors are refusals, of [api.NoImage] where it is unknown.
	Keep(context.Context, []byte) (Kept, error)
	Kept(id string) (Kept, error)
	Forget(id string) error
}

// Kept is a picture that the server has.
type Kept struct {
	ID            string
	Data          []byte
	Type          string // image/png and the like, by its content
	Width, Height int    // turned upright
	Expires       time.Duration
}

// About is what a client may want to know before it sends pictures.
type About struct {
	Model        string   `json:"model"`
	Weights      string   `json:"weights"`
	Architecture string   `json:"architecture"`
	Device       string   `json:"device"`
	Fallback     string   `json:"fallback,omitempty"` // why it is the CPU
	Precision    string   `json:"precision"`
	Version      string   `json:"version"` // of the program
	Ready        bool     `json:"ready"`
	State        string   `json:"state"` // starting, ready, draining, device_lost
	Auth         bool     `json:"auth"`  // whether a token is asked for
	Limits       Limits   `json:"limits"`
	Defaults     Defaults `json:"defaults"`
	MadeUp       bool     `json:"made_up,omitempty"` // the weights are by a formula: what is found means nothing
	Size         Size     `json:"size"`
	Queue        Queue    `json:"queue"`
}

// Limits are those of [api.Limits] that clients meet.
type Limits struct {
	Body     int64   `json:"body"`   // bytes
	Pixels   int64   `json:"pixels"` // of a picture
	Side     int     `json:"side"`
	Pictures int     `json:"pictures"`
	Sentence int     `json:"sentence"` // bytes
	Phrases  int     `json:"phrases"`
	Phrase   int     `json:"phrase"`  // bytes of each
	Tokens   int     `json:"tokens"`  // of a sentence that are read
	Timeout  float64 `json:"timeout"` // seconds
}

// Size is what pictures are resized to, in pixels.
type Size struct {
	Short int `json:"short"`
	Long  int `json:"long"`
}

// Queue is how long the line is.
type Queue struct {
	Waiting int     `json:"waiting"`
	Limit   int     `json:"limit"`
	Seconds float64 `json:"seconds"` // until a picture that is sent now is computed
}

// Defaults of what a request may set.
type Defaults struct {
	Threshold float64  `json:"threshold"`
	IoU       float64  `json:"iou"`
	Max       int      `json:"max_detections"`
	Form      string   `json:"prompt_form"`
	Classes   []string `json:"classes"`
}

// Tokens are what a text becomes.
type Tokens struct {
	Tokens    []Token  `json:"tokens"`
	Phrases   []Phrase `json:"phrases"`      // that would be looked for
	Count     int      `json:"count"`        // of tokens, with the one at the front and the one at the end
	Limit     int      `json:"limit"`        // of these that are read
	Truncated *int     `json:"truncated_at"` // code point of the text from which nothing is read; null if all is
	List      bool     `json:"list"`         // whether the text is taken as a list of names
}

// Token is a piece of a text, [Begin, End) in code points.
type Token struct {
	Text  string `json:"text"`
	Begin int    `json:"begin"`
	End   int    `json:"end"`
}

// Phrase is a part of a text.
type Phrase struct {
	Label  int    `json:"label"`
	Phrase string `json:"phrase"`
	Span   [2]int `json:"span"`
	Silent bool   `json:"silent"`
}

// Alignment is how strongly each place of a picture answers to each token.
type Alignment struct {
	Model    string      `json:"model"`
	Caption  string      `json:"caption"`
	Tokens   []Answering `json:"tokens"`
	Words    []Answering `json:"words"` // of several tokens each, joined
	Grid     Grid        `json:"grid"`
	Maps     []byte      `json:"maps"`      // [tokens, height, width], 255 for a probability of 1
	WordMaps []byte      `json:"word_maps"` // [words, height, width]
}

// Answering is a piece of the caption, and where it is answered most strongly.
type Answering struct {
	Text  string  `json:"text"`
	Begin int     `json:"begin"`
	End   int     `json:"end"`
	Peak  float64 `json:"peak"` // 0 to 1
}

// Grid is where the maps lie: element (x, y) stands for the picture's pixels around ((x+0.5) Stride / Scale[0], (y+0.5) Stride / Scale[1]).
type Grid struct {
	Height int        `json:"height"`
	Width  int        `json:"width"`
	Stride int        `json:"stride"` // pixels of the resized picture
	Scale  [2]float64 `json:"scale"`  // of the resized picture to the picture, across and down
}
