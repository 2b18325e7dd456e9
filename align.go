package glipvk

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/glipvk/glipvk/glip"
	"github.com/glipvk/glipvk/text"
)

// Alignment says how strongly the places of a picture answer to the words of a caption, whether they stand for a label or not.
//
// Places are those of P3's grid that show something of the picture, its padding left out. The value of a place is the
// sigmoid of the largest logit that the head's dot product gives the token at any level of the pyramid; levels are resized
// to the grid by the nearest rule ([glip.Responses]).
type Alignment struct {
	Caption       string
	Tokens        []WordMap // of the caption, as far as the model reads it, without [CLS] and [SEP]
	Words         []WordMap // those of several tokens, joined: the mean of their maps, as a phrase is scored by its tokens
	Height, Width int       // of the grid
	Stride        int       // pixels of the resized picture to a place, 8
	ScaleX        float64   // of a point of the picture as it was given to the grid: place x covers [x, x+1) of point * ScaleX
	ScaleY        float64
}

// WordMap is where a word shows.
type WordMap struct {
	Text string    // a token as the vocabulary has it, "##" before one that continues a word; a word as the caption has it
	Span text.Span // of the caption, in code points
	Peak float64   // the largest value, 0 to 1
	Map  []float32 // [Height, Width] of the grid, 0 to 1
}

// Append appends the map in bytes, of which 255 is 1.
func (m WordMap) Append(to []byte) []byte {
	for _, v := range m.Map {
		to = append(to, byte(255*v+0.5))
	}
	return to
}

// Align says where the words of a query's captions show in the pictures: a list for each picture, of each caption in which
// something is looked for. Its programs are kept like those of Detect: the first call of a size makes one, which
// [Detector.PrepareAlign] does ahead of time. Errors are those of Detect.
func (s *Sight) Align(ctx context.Context, q Query) (list [][]Alignment, r Report, err error) {
	if err := s.ready(); err != nil {
		return nil, r, err
	}
	prompts, err := s.d.prompts(ctx, q)
	if err != nil {
		return nil, r, err
	}
	r.PictureKnown = true
	list, err = s.align(ctx, prompts, &r)
	return list, r, err
}

// PrepareAlign makes the programs that [Sight.Align] takes for pictures of one size and a query.
func (d *Detector) PrepareAlign(ctx context.Context, size InputSize, q Query) error {
	prompts, err := d.prompts(ctx, q)
	if err != nil {
		return err
	}
	for _, p := range prompts {
		if err == nil {
			_, err = d.language.Outputs(ctx, p.language())
		}
		if err == nil {
			_, err = d.alignment.Outputs(ctx, p.alignment(size))
		}
	}
	return err
}

// alignment is the size of the alignment's graph for a prompt and pictures.
func (p prompt) alignment(s InputSize) glip.Alignment {
	return glip.Alignment{Batch: s.Batch, Height: s.Height, Width: s.Width, Tokens: len(p.mask)}
}

// align computes the maps of prompts.
func (s *Sight) align(ctx context.Context, prompts []prompt, r *Report) ([][]Alignment, error) {
	list := make([][]Alignment, s.in.Batch)
	r.CaptionKnown = true
	for _, p := range prompts {
		hidden, err := s.d.encoded(ctx, r, p)
		if err != nil {
			return nil, err
		}
		rows, err := ground(ctx, s.d, s.d.alignment, p.alignment(s.Size()), s.maps, p.alike(hidden[0], s.in.Batch)[:2], r)
		if err != nil {
			return nil, s.why(ctx, err)
		}
		for i := range list {
			a, err := s.aligned(picked(rows, i, s.in.Batch), i, p)
			if err != nil {
				return nil, err
			}
			list[i] = append(list[i], a)
		}
	}
	return list, nil
}

// aligned makes the maps of picture i of logits [h*w, T] of each level.
func (s *Sight) aligned(rows [][]float32, i int, p prompt) (Alignment, error) {
	e, err := s.d.tokenizer.Encode(p.Text)
	if err != nil {
		return Alignment{}, blame(err)
	}
	tokens := e.Truncated(p.words).Tokens
	tokens = tokens[1 : len(tokens)-1] // without [CLS] and [SEP]
	maps, grid, err := glip.Responses(rows, frame(s.in, i), 1, len(tokens))
	if err != nil {
		return Alignment{}, blame(fmt.Errorf("glipvk: %s with weights %s: %w", s.d.info.Name, s.d.weights(), err))
	}
	v, stride := s.in.View(i), s.d.config.AnchorStrides[0]
	a := Alignment{
		Caption: p.Text, Height: grid.Height, Width: grid.Width, Stride: stride,
		ScaleX: float64(v.Content.Width) / float64(v.Original.Width) / float64(stride),
		ScaleY: float64(v.Content.Height) / float64(v.Original.Height) / float64(stride),
	}
	for t, m := range slices.Collect(slices.Chunk(maps, grid.Height*grid.Width)) {
		a.Tokens = append(a.Tokens, wordMap(tokens[t].Text, text.Span{Begin: tokens[t].Begin, End: tokens[t].End}, m))
	}
	a.join([]rune(p.Text))
	return a, nil
}

// join adds the words that have several tokens.
func (a *Alignment) join(caption []rune) {
	for begin := 0; begin < len(a.Tokens); {
		end := begin + 1
		for end < len(a.Tokens) && strings.HasPrefix(a.Tokens[end].Text, "##") {
			end++
		}
		if pieces := a.Tokens[begin:end]; len(pieces) > 1 {
			span := text.Span{Begin: pieces[0].Span.Begin, End: pieces[len(pieces)-1].Span.End}
			a.Words = append(a.Words, wordMap(string(caption[span.Begin:span.End]), span, mean(pieces)))
		}
		begin = end
	}
}

// mean is that of maps.
func mean(list []WordMap) []float32 {
	out := make([]float32, len(list[0].Map))
	for _, m := range list {
		for i, v := range m.Map {
			out[i] += v / float32(len(list))
		}
	}
	return out
}

func wordMap(word string, span text.Span, m []float32) WordMap {
	return WordMap{Text: word, Span: span, Peak: math.Max(0, float64(slices.Max(m))), Map: m}
}
