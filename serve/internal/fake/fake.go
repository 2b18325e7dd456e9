// Package fake is a detector that computes nothing: for the tests of the server's protocols, and to measure what they cost.
package fake

import (
	"bytes"
	"context"
	"image"
	_ "image/jpeg" // formats of pictures
	_ "image/png"
	"slices"
	"strings"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/glipvk/glipvk/serve/api"
)

// Answerer finds each thing that is looked for twice in every picture, at places and with scores by formula. The zero value is of a
// model "glip".
type Answerer struct {
	Means  api.Info      // what Info answers, with defaults
	Err    error         // that answers every question
	Delay  time.Duration // before each answer
	Blind  bool          // whether pictures are not looked at: 451 x 300 is their size
	Asked  atomic.Int64  // questions
	Inside atomic.Int64  // questions that are being answered
}

// Info is what the fake is.
func (f *Answerer) Info() api.Info {
	info := f.Means
	for value, otherwise := range map[*string]string{
		&info.Model: "glip", &info.Version: "1", &info.Weights: "glip@00000000", &info.Platform: "glipvk_fake", &info.Server: "0.0.0", &info.Device: "none", &info.Precision: "f32",
	} {
		if *value == "" {
			*value = otherwise
		}
	}
	info.Limits = info.Limits.Or()
	return info
}

// Answer answers by formula, within the question's threshold (0.05) and maximum (100).
func (f *Answerer) Answer(ctx context.Context, q api.Question) (api.Answer, error) {
	f.Asked.Add(1)
	f.Inside.Add(1)
	defer f.Inside.Add(-1)
	if q.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, q.Timeout)
		defer cancel()
	}
	if f.Delay > 0 {
		select {
		case <-ctx.Done():
			return api.Answer{}, ctx.Err()
		case <-time.After(f.Delay):
		}
	}
	if err := ctx.Err(); err != nil {
		return api.Answer{}, err
	}
	if f.Err != nil {
		return api.Answer{}, f.Err
	}
	info := f.Info()
	a := api.Answer{Model: info.Model, Version: info.Version, Timing: api.Timing{Total: time.Millisecond, Batch: len(q.Pictures)}}
	for i, p := range q.Pictures {
		size := image.Config{Width: 451, Height: 300}
		if !f.Blind {
			var err error
			if size, _, err = image.DecodeConfig(bytes.NewReader(p.Data)); err != nil {
				return a, api.Refuse(api.BadPicture, "picture %d is none that can be read", i+1)
			}
			if int64(size.Width)*int64(size.Height) > info.Limits.Pixels {
				return a, api.Refuse(api.TooLarge, "picture %d has %d x %d pixels, at most %d are taken (--max-pixels)", i+1, size.Width, size.Height, info.Limits.Pixels)
			}
		}
		text := ""
		if len(q.Texts) > 0 {
			text = q.Texts[min(i, len(q.Texts)-1)]
		}
		a.Pictures = append(a.Pictures, found(q, text, size))
	}
	return a, nil
}

// found is what a picture is said to show.
func found(q api.Question, text string, size image.Config) api.Found {
	threshold, most := 0.05, 100
	if q.Threshold != nil {
		threshold = *q.Threshold
	}
	if q.Max != nil {
		most = *q.Max
	}
	names := slices.Concat(q.Phrases, q.Classes)
	switch {
	case text == "":
		text = strings.Join(names, ". ")
	case len(q.Spans) > 0:
		characters := []rune(text)
		for _, s := range q.Spans {
			names = append(names, string(characters[s[0]:s[1]]))
		}
	case len(names) == 0:
		names = slices.DeleteFunc(strings.Fields(text), func(w string) bool { return len(w) < 3 || w == "with" || w == "and" || w == "the" })
	}
	made := api.Found{Width: size.Width, Height: size.Height, Captions: []string{text}}
	for label, name := range names {
		span := [2]int{}
		if at := strings.Index(text, name); at >= 0 {
			span = [2]int{utf8.RuneCountInString(text[:at]), utf8.RuneCountInString(text[:at+len(name)])}
		}
		made.Phrases = append(made.Phrases, api.Phrase{Label: label + 1, Phrase: name, Span: span})
		for n := range 2 {
			at := float64(label%7+n) / 16
			w, h := float64(size.Width-1), float64(size.Height-1)
			score := 0.875 / float64(1+label+3*n)
			if score > threshold {
				made.Detections = append(made.Detections, api.Detection{
					Box: [4]float64{w * at, h * at / 2, w * (at + 0.5), h * (at/2 + 0.5)}, Score: score, Label: label + 1, Phrase: name, Span: span,
				})
			}
		}
	}
	slices.SortStableFunc(made.Detections, func(a, b api.Detection) int {
		if a.Score > b.Score {
			return -1
		}
		if a.Score < b.Score {
			return 1
		}
		return a.Label - b.Label
	})
	made.Detections = made.Detections[:min(most, len(made.Detections))]
	return made
}
