package glip

import (
	"cmp"
	"fmt"
	"math"

	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/swin"
)

// Alignment is what the graph of word maps is recorded for.
type Alignment struct {
	Batch         int // pictures with a caption each; 0 is 1
	Height, Width int // of a padded picture, pixels, multiples of [Divisor]
	Tokens        int // of a padded caption
}

// RecordAlignment writes down the tower and what the head says of tokens alone: P3..P7 [B, h, w, C], hidden [B, T, D]
// and mask [B, T], as [RecordGrounding] takes them, to the dot product's logits of each level, [B, h*w, T], then the
// [Health] of what they are made of.
func RecordAlignment(cfg Config, in Alignment) (*graph.Graph, error) {
	batch := cmp.Or(in.Batch, 1)
	return record(cfg, func(m model, b *graph.Builder) {
		grids := Grids(in.Height, in.Width)
		maps := m.inputs(b, batch, grids[:])
		hidden := b.In("hidden").Input(batch, in.Tokens, cfg.Text.Hidden)
		head := b.In("rpn", "head")
		maps, text := m.tower(head.In("dyhead_tower"), maps, hidden, b.In("mask").Input(batch, in.Tokens))
		tokens, projected := m.words(head, text)
		for l, x := range maps {
			b.Output(m.logits(head, level(l), x, projected, tokens))
		}
		health(b, append(maps, projected)...)
	}, checkBatch(in.Batch), checkPicture(in.Height, in.Width), cfg.checkTokens(in.Tokens))
}

// Responses turns the logits of a picture, [h*w, T] of each level, into maps [n, h, w] of n tokens from first on: at each
// place the sigmoid of the largest logit of all levels. Places are those of P3's grid that show something of the picture.
// A level is resized to that grid by the nearest rule, and no value is made up: a place takes the position whose
// square, of the level's stride, it lies in. Logits that are no number are an error that wraps [ErrNotFinite].
func Responses(levels [][]float32, f Frame, first, n int) (maps []float32, size swin.Grid, err error) {
	grids := Grids(f.PaddedHeight, f.PaddedWidth)
	size = swin.Grid{Height: (f.Height + firstStride - 1) / firstStride, Width: (f.Width + firstStride - 1) / firstStride}
	if len(levels) != Levels || size.Height < 1 || size.Width < 1 || size.Height > grids[0].Height || size.Width > grids[0].Width {
		return nil, size, fmt.Errorf("glip: %w: logits of %d levels, want %d, of a picture %+v", graph.ErrShape, len(levels), Levels, f)
	}
	var tokens [Levels]int
	for l, rows := range levels {
		positions := grids[l].Height * grids[l].Width
		tokens[l] = len(rows) / positions
		if len(rows)%positions != 0 || first < 0 || n < 0 || first+n > tokens[l] {
			return nil, size, fmt.Errorf("glip: %w: %d logits of level %s, want those of %d tokens at each of %d positions", graph.ErrShape, len(rows), level(l), first+n, positions)
		}
	}
	places := size.Height * size.Width
	maps = make([]float32, n*places)
	var at [Levels][]float32 // the tokens of each level's position
	for place := range places {
		y, x := place/size.Width, place%size.Width
		for l, rows := range levels {
			at[l] = rows[((y>>l)*grids[l].Width+(x>>l))*tokens[l]+first:][:n]
		}
		for t := range n {
			v := max(at[0][t], at[1][t], at[2][t], at[3][t], at[4][t]) // NaN if one is
			if v != v {
				return nil, size, fmt.Errorf("glip: %w: a logit of token %d at place %d, %d is %v", ErrNotFinite, first+t, y, x, v)
			}
			maps[t*places+place] = float32(1 / (1 + math.Exp(-float64(v))))
		}
	}
	return maps, size, nil
}
