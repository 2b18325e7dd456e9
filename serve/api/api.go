// Package api is what the protocols of the server have in common: a question, an answer, a refusal. A protocol turns
// what its client sent into a [Question], has it answered by an [Answerer] and turns the [Answer] into its own words;
// it knows neither the detector nor the queue.
//
// The package imports none of ours.
package api

import (
	"cmp"
	"context"
	"time"
)

// Answerer answers questions, several at a time. Errors are a [*Refusal], or anything else for a failure of ours, whose
// text no client may see.
type Answerer interface {
	Answer(context.Context, Question) (Answer, error)
	Info() Info
}

// Question is what to look for in pictures, and how.
type Question struct {
	ID string // of the request, of the client's choice; "" where it gave none

	Pictures []Picture // one at least
	Texts    []string  // none, one for all pictures, or one for each
	Phrases  []string
	Spans    [][2]int // of the text, [begin, end) in code points
	Classes  []string
	Form     string // of the caption that a list becomes: "eval", which "" is too, or "demo"

	// Nil is the server's default.
	Threshold *float64 // that a score must exceed, 0 to 1
	IoU       *float64 // above which the lesser of two boxes of a label is suppressed, 0 to 1
	Max       *int     // detections of a prompt at most, from 1

	Priority int           // [Default], [High] or [Low]
	Timeout  time.Duration // 0 is the server's, which it may only shorten
	Keep     bool          // whether the pictures are to be had under an ID later
}

// Priorities of a question.
const (
	Default = iota // high for one picture, low for several
	High
	Low
)

// Picture is one of a question's pictures.
type Picture struct {
	Data []byte // PNG, JPEG, GIF, WebP, BMP or TIFF; nil where the server has it
	Kept string // the ID of one that the server has
}

// Answer is what was found, for each picture of the question in its order.
type Answer struct {
	Model, Version string
	Pictures       []Found
	Timing         Timing
}

// Found is what one picture shows.
type Found struct {
	Kept          string // the ID under which the picture is to be had; "" if none
	Width, Height int    // of the picture as it was given, turned upright
	Captions      []string
	Phrases       []Phrase
	Detections    []Detection // by falling score
}

// Phrase is a label of a question.
type Phrase struct {
	Label   int    // from 1
	Phrase  string // by the name that the question gave it
	Span    [2]int // in its caption, [begin, end) in code points
	Caption int    // which of the captions, from 0
	Silent  bool   // no token stands for it: nothing can be found
}

// Detection is a box in which a picture shows a phrase.
type Detection struct {
	Box    [4]float64 // left, top, right, bottom in pixels of the picture as it was given, corners inclusive
	Score  float64    // 0 to 1
	Label  int        // from 1
	Phrase string
	Span   [2]int
}

// Timing says where the time of a request went. What was remembered or done for another request at the same time is
// 0 in it and named in Known.
type Timing struct {
	Queue, Decode, Picture, Caption, Grounding, Total time.Duration

	Known []string // of "picture", "caption" and "whole"
	Batch int      // pictures that were computed together
}

// Info says what the server is to those who ask before they send pictures.
type Info struct {
	Model     string // by which it is asked for
	Version   string // of the model, "1"
	Weights   string // by which predictions of other weights differ: the model and 8 hexadecimal digits of their hash, "glip-t@3f2a91c0"
	Platform  string // "glipvk_vulkan" or "glipvk_cpu"
	Server    string // version of the program
	Device    string
	Precision string
	Classes   []string // that are looked for where a protocol names none
	Limits    Limits
}

// Limits bound what a client may send, before memory or work is spent on it. 0 is the default that the comment says.
type Limits struct {
	Body        int64         // bytes of a body, as sent and decoded: 32 MiB
	Pictures    int           // of a question: 16
	Pixels      int64         // of a picture: 40e6
	Side        int           // pixels of a picture's longer side: 16384
	Decoding    int64         // bytes of all pictures being decoded: 512 MiB
	Sentence    int           // bytes: 8 KiB
	Phrases     int           // or classes: 1203
	Phrase      int           // bytes of each: 256
	Depth       int           // of JSON: 32
	ID          int           // bytes of a request's ID: 256
	Parts       int           // of a multipart body: 1300
	Timeout     time.Duration // from a request's arrival to its answer: 120 s
	Connections int           // at a time: 512
}

// Or is the limits with the defaults of those that are 0.
func (l Limits) Or() Limits {
	l.Body = cmp.Or(l.Body, 32<<20)
	l.Pictures = cmp.Or(l.Pictures, 16)
	l.Pixels = cmp.Or(l.Pixels, 40e6)
	l.Side = cmp.Or(l.Side, 16384)
	l.Decoding = cmp.Or(l.Decoding, 512<<20)
	l.Sentence = cmp.Or(l.Sentence, 8<<10)
	l.Phrases = cmp.Or(l.Phrases, 1203)
	l.Phrase = cmp.Or(l.Phrase, 256)
	l.Depth = cmp.Or(l.Depth, 32)
	l.ID = cmp.Or(l.ID, 256)
	l.Parts = cmp.Or(l.Parts, 1300)
	l.Timeout = cmp.Or(l.Timeout, 120*time.Second)
	l.Connections = cmp.Or(l.Connections, 512)
	return l
}

// Protocols are the words by which metrics and logs tell the routes apart.
var Protocols = []string{"v1", "oip_rest", "oip_grpc", "hf", "labelstudio", "roboflow"}
