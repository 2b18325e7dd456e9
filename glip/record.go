package glip

import (
	"cmp"
	"fmt"

	"github.com/glipvk/glipvk/graph"
)

// Vision is what the vision graph is recorded for.
type Vision struct {
	Batch         int  // pictures; 0 is 1
	Height, Width int  // of a padded picture, pixels, multiples of [Divisor]
	Apart         bool // each picture has maps of its own, [1, h, w, C], P3..P7 of the first before those of the second
}

// Language is what the language graph is recorded for.
type Language struct {
	Batch  int // captions; 0 is 1
	Tokens int // of a padded caption
}

// Grounding is what the grounding graph is recorded for. The zero value of what is not
// a size means the original's settings (MODEL.ATSS of maskrcnn_benchmark/config/defaults.py).
type Grounding struct {
	Batch         int             // pictures with a caption each; 0 is 1
	Shared        bool            // all captions are of one picture
	Apart         bool            // each picture has maps of its own, as [Vision] gives them apart; not with Shared
	Height, Width int             // of a padded picture, pixels, multiples of [Divisor]
	Tokens        int             // of a padded caption
	Labels        int             // of a query, with those that no token stands for
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
	in.Batch, in.PerLevel = cmp.Or(in.Batch, 1), cmp.Or(in.PerLevel, DefaultPerLevel)
	return in
}

// model is a recording under way.
type model struct {
	cfg    Config
	random Random
	dice   *graph.Dice // nil but in training
}

// RecordVision writes down the backbone and the pyramid: image [B, 3, H, W], normalised,
// blue first and 0 beyond a picture's own size, to P3..P7 [B, h, w, C], then their
// [Health]. As in the original nothing of this padding is masked: what is computed of a
// picture depends on the size that it is padded to, and not on the others of its batch.
func RecordVision(cfg Config, in Vision) (*graph.Graph, error) {
	return record(cfg, func(m model, b *graph.Builder) {
		maps := m.vision(b, b.In("image").Input(cmp.Or(in.Batch, 1), 3, in.Height, in.Width))
		if in.Apart {
			b.Output(m.apart(b.In("apart"), maps)...)
		} else {
			b.Output(maps...)
		}
		health(b, maps...)
	}, checkBatch(in.Batch), checkPicture(in.Height, in.Width))
}

// RecordLanguage writes down the text encoder: ids [B, T] and mask [B, T], 0 for a token
// of the caption and [Masked] for padding, to hidden [B, T, D].
func RecordLanguage(cfg Config, in Language) (*graph.Graph, error) {
	return record(cfg, func(m model, b *graph.Builder) {
		hidden, _ := m.captions(b, cmp.Or(in.Batch, 1), in.Tokens)
		b.Output(hidden)
	}, checkBatch(in.Batch), cfg.checkTokens(in.Tokens))
}

// captions records the inputs ids and mask, and the text encoder.
func (m model) captions(b *graph.Builder, batch, tokens int) (hidden, mask graph.Value) {
	ids := b.In("ids").Input(batch, tokens)
	mask = b.In("mask").Input(batch, tokens)
	return m.language(b, ids, mask), mask
}

// RecordGrounding writes down tower, head and selection: P3..P7 [B, h, w, C], or [1, h, w, C]
// if they are shared, or as often if they are apart, hidden [B, T, D], mask [B, T] and owned [B, L, T], which is 1 where a
// token stands for a label, else 0, to the candidates of each level, [B, PerLevel, 8]
// ([graph.Candidates]), then the [Health] of what they are made of. What is masked changes
// nothing, and a label that owns no token has no candidates.
func RecordGrounding(cfg Config, in Grounding) (*graph.Graph, error) {
	in = in.complete()
	return record(cfg, func(m model, b *graph.Builder) {
		maps := m.given(b, in)
		hidden := b.In("hidden").Input(in.Batch, in.Tokens, cfg.Text.Hidden)
		m.grounding(b, maps, hidden, b.In("mask").Input(in.Batch, in.Tokens), in)
	}, in.check(), checkPicture(in.Height, in.Width), cfg.checkTokens(in.Tokens))
}

// Record writes down the whole detector: image, ids, mask and owned to candidates, then
// the [Health] of all parts.
func Record(cfg Config, in Grounding) (*graph.Graph, error) {
	in = in.complete()
	in.Apart = false
	return record(cfg, func(m model, b *graph.Builder) {
		maps := m.vision(b, b.In("image").Input(in.pictures(), 3, in.Height, in.Width))
		hidden, mask := m.captions(b, in.Batch, in.Tokens)
		m.grounding(b, maps, hidden, mask, in)
		health(b, maps...)
	}, in.check(), checkPicture(in.Height, in.Width), cfg.checkTokens(in.Tokens))
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
	f(model{cfg: cfg}, b)
	g, err := b.Build()
	if err != nil {
		return nil, fmt.Errorf("glip: %w", err)
	}
	return g, nil
}
