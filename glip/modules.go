package glip

import (
	"cmp"
	"fmt"

	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/swin"
)

// The detector's modules as graphs of their own: what tests compare with the original's
// modules, and what can be measured alone. Inputs come in the order of the arguments'
// description, outputs in that of the result's.

// Module is what a module is recorded for alone.
type Module struct {
	Batch  int         // 0 is 1
	Grids  []swin.Grid // of the maps
	Tokens int         // of a caption
	Random Random      // what is left out by chance; with any, counter [2] ([graph.Keep]) is the last input
}

// alone records a module.
func (in Module) alone(cfg Config, f func(m model, b *graph.Builder, batch int), checks ...error) (*graph.Graph, error) {
	return record(cfg, func(m model, b *graph.Builder) { f(m, b, cmp.Or(in.Batch, 1)) }, append(checks, checkBatch(in.Batch))...)
}

// dice are thrown for what is left out by chance, if anything is.
func (in Module) dice(m *model, b *graph.Builder) {
	if in.Random.thrown() {
		m.random, m.dice = in.Random, &graph.Dice{Counter: b.In("counter").Input(2)}
	}
}

// RecordPyramid is the FPN alone: C3..C5 [B, h, w, Ci] to P3..P7.
func RecordPyramid(cfg Config, in Module) (*graph.Graph, error) {
	return in.alone(cfg, func(m model, b *graph.Builder, batch int) {
		maps := make([]graph.Value, len(in.Grids))
		for i, g := range in.Grids {
			maps[i] = b.In("map", i).Input(batch, g.Height, g.Width, cfg.Backbone.Channels(cfg.Backbone.OutIndices[i]))
		}
		in.dice(&m, b)
		b.Output(m.pyramid(b.In("backbone", "fpn"), maps)...)
	}, threeMaps(in.Grids))
}

// RecordFusion is the VLFuse of tower module i alone: maps [B, h, w, C], text [B, T, D],
// mask [B, T] to the fused maps and text.
func RecordFusion(cfg Config, i int, in Module) (*graph.Graph, error) {
	return in.alone(cfg, func(m model, b *graph.Builder, batch int) {
		maps, text := m.inputs(b, batch, in.Grids), b.In("text").Input(batch, in.Tokens, cfg.Text.Hidden)
		mask := b.In("mask").Input(batch, in.Tokens)
		in.dice(&m, b)
		maps, text = m.fuse(tower(b, i), maps, text, mask)
		b.Output(append(maps, text)...)
	}, needsFusion(cfg))
}

// RecordTextLayer is the text layer of tower module i alone: text [B, T, D], mask [B, T] to
// text.
func RecordTextLayer(cfg Config, i int, in Module) (*graph.Graph, error) {
	return in.alone(cfg, func(m model, b *graph.Builder, batch int) {
		text, mask := b.In("text").Input(batch, in.Tokens, cfg.Text.Hidden), b.In("mask").Input(batch, in.Tokens)
		in.dice(&m, b)
		b.Output(m.textLayer(tower(b, i), text, mask, clamped))
	}, needsFusion(cfg))
}

// RecordDyConv is the DyConv of tower module i alone: maps [B, h, w, C] to the same.
func RecordDyConv(cfg Config, i int, in Module) (*graph.Graph, error) {
	return in.alone(cfg, func(m model, b *graph.Builder, batch int) {
		b.Output(m.dyConv(tower(b, i), m.inputs(b, batch, in.Grids))...)
	})
}

// RecordDynamicReLU is the DYReLU of tower module i alone: maps [B, h, w, C] to the same.
func RecordDynamicReLU(cfg Config, i int, in Module) (*graph.Graph, error) {
	return in.alone(cfg, func(m model, b *graph.Builder, batch int) {
		for l, x := range m.inputs(b, batch, in.Grids) {
			b.Output(m.dynamicReLU(tower(b, i).In("relu"), tower(b, i).In(level(l)), x))
		}
	})
}

// RecordHead is the head alone: maps [B, h, w, C], text [B, T, D], owned [B, L, T]
// to the candidates of each level; batch, tokens and labels are those of in.
func RecordHead(cfg Config, grids []swin.Grid, in Grounding) (*graph.Graph, error) {
	in = in.complete()
	return record(cfg, func(m model, b *graph.Builder) {
		maps, text := m.inputs(b, in.Batch, grids), b.In("text").Input(in.Batch, in.Tokens, cfg.Text.Hidden)
		m.head(b.In("rpn", "head"), maps, text, b.In("owned").Input(in.Batch, in.Labels, in.Tokens), in)
	}, in.check())
}

// RecordSelection is what follows the head's predictions: of each level logits [1, S, T],
// centerness [1, h, w, 1] and deltas [1, h, w, 4], then owned [1, L, T], to its candidates.
func RecordSelection(cfg Config, grids []swin.Grid, in Grounding) (*graph.Graph, error) {
	return record(cfg, func(m model, b *graph.Builder) {
		in := in.complete()
		var p []prediction
		for l, g := range grids {
			at := b.In("input", level(l))
			p = append(p, prediction{
				logits:     at.In("logits").Input(1, g.Height*g.Width, in.Tokens),
				centerness: at.In("centerness").Input(1, g.Height, g.Width, 1),
				deltas:     at.In("deltas").Input(1, g.Height, g.Width, 4),
			})
		}
		owned := b.In("owned").Input(1, in.Labels, in.Tokens)
		for l := range p {
			p[l].selection(b.In("rpn", "head"), level(l), owned, in)
		}
	}, in.check())
}

// RecordLosses is the losses alone: of all levels logits [B, S, T], deltas [B, S, 4] and
// centerness [B, S, 1], then the inputs of [Targets], to what [RecordTraining] gives.
func RecordLosses(cfg Config, s Training) (*graph.Graph, error) {
	return record(cfg, func(m model, b *graph.Builder) {
		n := s.positions()
		p := prediction{b.In("logits").Input(s.Batch, n, s.Tokens), b.In("centerness").Input(s.Batch, n, 1), b.In("deltas").Input(s.Batch, n, 4)}
		m.loss(b.In("loss"), []prediction{p}, m.targets(b.In("targets"), s))
	})
}

// inputs are maps that a module or the grounding is given.
func (m model) inputs(b *graph.Builder, batch int, grids []swin.Grid) []graph.Value {
	maps := make([]graph.Value, len(grids))
	for l, g := range grids {
		maps[l] = b.In("level", l).Input(batch, g.Height, g.Width, m.cfg.Channels)
	}
	return maps
}

// tower is the scope of tower module i.
func tower(b *graph.Builder, i int) *graph.Builder { return b.In("rpn", "head", "dyhead_tower", i) }

// threeMaps wants a grid for each map of the backbone.
func threeMaps(grids []swin.Grid) error {
	if len(grids) != 3 {
		return fmt.Errorf("%w: %d grids, want those of C3, C4 and C5", graph.ErrShape, len(grids))
	}
	return nil
}

func needsFusion(cfg Config) error {
	if !cfg.Fusion {
		return fmt.Errorf("%w: fusion is false, so there is neither VLFuse nor a text layer", ErrConfig)
	}
	return nil
}
