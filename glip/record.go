package glip

import (
	"fmt"

	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/swin"
)

// Grounding is what the grounding graph is recorded for. The zero value of what is
// not a size means the original's settings (MODEL.ATSS of maskrcnn_benchmark/config/defaults.py).
type Grounding struct {
	Height, Width int             // of the padded picture, pixels, multiples of the largest stride but one
	Tokens        int             // of the caption
	Labels        int             // of the query
	Threshold     float64         // of label probabilities, before centerness; 0 is DefaultThreshold, below 0 none
	PerLevel      int             // candidates of a level; 0 is DefaultPerLevel
	Aggregate     graph.Aggregate // how the probabilities of a label's tokens become its own; 0 is the mean
}

// The original's defaults.
const (
	DefaultThreshold  = 0.05 // INFERENCE_TH
	DefaultPerLevel   = 1000 // PRE_NMS_TOP_N
	DefaultIoU        = 0.6  // NMS_TH
	DefaultDetections = 100  // DETECTIONS_PER_IMG
)

// complete fills in the defaults.
func (in Grounding) complete() Grounding {
	switch {
	case in.Threshold == 0:
		in.Threshold = DefaultThreshold
	case in.Threshold < 0:
		in.Threshold = 0
	}
	if in.PerLevel == 0 {
		in.PerLevel = DefaultPerLevel
	}
	return in
}

// Divisor is what heights and widths of pictures are padded to multiples of
// (DATALOADER.SIZE_DIVISIBILITY).
const Divisor = 32

// model is a recording under way.
type model struct{ cfg Config }

// RecordVision writes down the backbone and the pyramid for pictures of height x width
// pixels, multiples of [Divisor]: image [1, 3, H, W], normalised, blue first, to P3..P7
// [1, h, w, C].
func RecordVision(cfg Config, height, width int) (*graph.Graph, error) {
	return record(cfg, func(m model, b *graph.Builder) {
		for _, p := range m.vision(b, b.In("image").Input(1, 3, height, width)) {
			b.Output(p)
		}
	}, checkPicture(height, width))
}

// RecordLanguage writes down the text encoder for captions of that many tokens: ids
// [1, T] to hidden [1, T, D].
func RecordLanguage(cfg Config, tokens int) (*graph.Graph, error) {
	return record(cfg, func(m model, b *graph.Builder) {
		b.Output(m.language(b, b.In("ids").Input(1, tokens)))
	}, cfg.checkTokens(tokens))
}

// RecordGrounding writes down tower, head and selection: P3..P7 [1, h, w, C], hidden
// [1, T, D] and owned [L, T], which is 1 where a token stands for a label, else 0, to
// the candidates of each level, [1, PerLevel, 8] ([graph.Candidates]).
func RecordGrounding(cfg Config, in Grounding) (*graph.Graph, error) {
	return record(cfg, func(m model, b *graph.Builder) {
		maps := make([]graph.Value, Levels)
		for l, grid := range Grids(in.Height, in.Width) {
			maps[l] = b.In("level", l).Input(1, grid.Height, grid.Width, cfg.Channels)
		}
		hidden := b.In("hidden").Input(1, in.Tokens, cfg.Text.Hidden)
		m.grounding(b, maps, hidden, in.complete())
	}, checkPicture(in.Height, in.Width), cfg.checkTokens(in.Tokens), in.check())
}

// Record writes down the whole detector: image, ids and owned to candidates.
func Record(cfg Config, in Grounding) (*graph.Graph, error) {
	return record(cfg, func(m model, b *graph.Builder) {
		maps := m.vision(b, b.In("image").Input(1, 3, in.Height, in.Width))
		hidden := m.language(b, b.In("ids").Input(1, in.Tokens))
		m.grounding(b, maps, hidden, in.complete())
	}, checkPicture(in.Height, in.Width), cfg.checkTokens(in.Tokens), in.check())
}

// record runs a recording unless a check has failed.
func record(cfg Config, f func(model, *graph.Builder), checks ...error) (*graph.Graph, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	for _, err := range checks {
		if err != nil {
			return nil, fmt.Errorf("glip: %w", err)
		}
	}
	b := graph.NewBuilder()
	f(model{cfg}, b)
	g, err := b.Build()
	if err != nil {
		return nil, fmt.Errorf("glip: %w", err)
	}
	return g, nil
}

func checkPicture(height, width int) error {
	if height < Divisor || width < Divisor || height%Divisor != 0 || width%Divisor != 0 {
		return fmt.Errorf("%w: a padded picture of %d x %d, want multiples of %d", graph.ErrShape, height, width, Divisor)
	}
	return nil
}

func (c Config) checkTokens(tokens int) error {
	if tokens < 1 || tokens > c.MaxTokens {
		return fmt.Errorf("%w: a caption of %d tokens, want 1 to %d", graph.ErrShape, tokens, c.MaxTokens)
	}
	return nil
}

func (in Grounding) check() error {
	if in.Labels < 1 {
		return fmt.Errorf("%w: %d labels, want at least 1", graph.ErrShape, in.Labels)
	}
	return nil
}

// Grids are the sizes of P3..P7 for a padded picture: each level halves the one
// before, rounding up.
func Grids(height, width int) [Levels]swin.Grid {
	var grids [Levels]swin.Grid
	g := swin.Grid{Height: (height + 7) / 8, Width: (width + 7) / 8}
	for l := range grids {
		grids[l] = g
		g = swin.Grid{Height: (g.Height + 1) / 2, Width: (g.Width + 1) / 2}
	}
	return grids
}
