package glip

import (
	"fmt"

	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/swin"
)

// The detector's modules as graphs of their own: what tests compare with the original's
// modules, and what can be measured alone. Inputs come in the order of the arguments'
// description, outputs in that of the result's.

// RecordPyramid is the FPN alone: C3..C5 [1, h, w, Ci] of the given sizes to P3..P7.
func RecordPyramid(cfg Config, grids [3]swin.Grid) (*graph.Graph, error) {
	return record(cfg, func(m model, b *graph.Builder) {
		maps := make([]graph.Value, len(grids))
		for i, g := range grids {
			maps[i] = b.In("map", i).Input(1, g.Height, g.Width, cfg.Backbone.Channels(cfg.Backbone.OutIndices[i]))
		}
		b.Output(m.pyramid(b.In("backbone", "fpn"), maps)...)
	})
}

// RecordFusion is the VLFuse of tower module i alone: maps [1, h, w, C], text [1, T, D],
// mask [1, T] to the fused maps and text.
func RecordFusion(cfg Config, i int, grids []swin.Grid, tokens int) (*graph.Graph, error) {
	return record(cfg, func(m model, b *graph.Builder) {
		maps, text := m.inputs(b, 1, grids), b.In("text").Input(1, tokens, cfg.Text.Hidden)
		maps, text = m.fuse(tower(b, i), maps, text, b.In("mask").Input(1, tokens))
		b.Output(append(maps, text)...)
	}, needsFusion(cfg))
}

// RecordTextLayer is the text layer of tower module i alone: text [1, T, D], mask [1, T] to
// text.
func RecordTextLayer(cfg Config, i, tokens int) (*graph.Graph, error) {
	return record(cfg, func(m model, b *graph.Builder) {
		text := b.In("text").Input(1, tokens, cfg.Text.Hidden)
		b.Output(m.textLayer(tower(b, i), text, b.In("mask").Input(1, tokens), clamped))
	}, needsFusion(cfg))
}

// RecordDyConv is the DyConv of tower module i alone: maps [1, h, w, C] to the same.
func RecordDyConv(cfg Config, i int, grids []swin.Grid) (*graph.Graph, error) {
	return record(cfg, func(m model, b *graph.Builder) {
		b.Output(m.dyConv(tower(b, i), m.inputs(b, 1, grids))...)
	})
}

// RecordDynamicReLU is the DYReLU of tower module i alone: a map to the same.
func RecordDynamicReLU(cfg Config, i int, grid swin.Grid) (*graph.Graph, error) {
	return record(cfg, func(m model, b *graph.Builder) {
		x := m.inputs(b, 1, []swin.Grid{grid})[0]
		b.Output(m.dynamicReLU(tower(b, i).In("relu"), tower(b, i).In("p3"), x))
	})
}

// RecordHead is the head alone: maps [1, h, w, C], text [1, T, D], owned [1, L, T]
// to the candidates of each level; tokens and labels are those of in.
func RecordHead(cfg Config, grids []swin.Grid, in Grounding) (*graph.Graph, error) {
	return record(cfg, func(m model, b *graph.Builder) {
		maps, text := m.inputs(b, 1, grids), b.In("text").Input(1, in.Tokens, cfg.Text.Hidden)
		m.head(b.In("rpn", "head"), maps, text, b.In("owned").Input(1, in.Labels, in.Tokens), in.complete())
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

func needsFusion(cfg Config) error {
	if !cfg.Fusion {
		return fmt.Errorf("%w: fusion is false, so there is neither VLFuse nor a text layer", ErrConfig)
	}
	return nil
}
