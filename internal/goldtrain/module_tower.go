package goldtrain

import (
	"fmt"
	"slices"
	"testing"

	"github.com/glipvk/glipvk/glip"
	"github.com/glipvk/glipvk/graph"
)

// Modules of the pyramid, the tower and the head.

const towerScope = "rpn.head.dyhead_tower."

func (m *Module) pyramid(t *testing.T) {
	r, in := Run{Inputs: map[string][]float32{}}, glip.Module{}
	for i := range 3 {
		x, path := m.Find(t, "input", fmt.Sprint("c", i+3)), fmt.Sprint("map.", i)
		in.Batch, in.Grids = x.Shape[0], append(in.Grids, gridOf(x.Shape))
		r.Inputs[path] = channelsLast(x.Content(), x.Shape)
		r.given = append(r.given, port{name: fmt.Sprint("c", i), path: path})
	}
	g := built(t)(glip.RecordPyramid(m.cfg, in))
	for l, id := range g.Outputs {
		r.made = append(r.made, port{name: fmt.Sprint("p", l+3), path: g.Nodes[id].Path})
	}
	m.end(t, g, r)
}

// levels gives a run the slices of the input "visual", [B, C, positions of all levels].
func (m *Module) levels(t *testing.T, r *Run) {
	t.Helper()
	x := m.Find(t, "input", "visual")
	data, channels, positions, begin := x.Content(), x.Shape[1], x.Shape[2], 0
	for l, g := range m.grids() {
		path, n := fmt.Sprint("level.", l), g.Height*g.Width
		level := make([]float32, 0, x.Shape[0]*n*channels)
		for item := range x.Shape[0] {
			for i := range n {
				for c := range channels {
					level = append(level, data[(item*channels+c)*positions+begin+i])
				}
			}
		}
		begin += n
		r.Inputs[path] = level
		r.given = append(r.given, port{name: fmt.Sprint("visual", l), path: path})
	}
}

// mask of captions of which the first tokens are real.
func (m *Module) mask(tokens int) (mask []float32) {
	for _, valid := range m.Valid {
		for i := range tokens {
			mask = append(mask, 0)
			if i >= valid {
				mask[len(mask)-1] = glip.Masked
			}
		}
	}
	return mask
}

// fusion takes two runs where there is padding. The original masks it on the image side alone: what the
// text side makes of the rows of padding it makes without any mask, and that is the second run. The
// first has none of the padding that is padding in all captions, as the original clamps before it masks.
func (m *Module) fusion(t *testing.T) {
	x := m.Find(t, "input", "lang")
	batch, tokens, real := x.Shape[0], x.Shape[1], slices.Max(m.Valid)
	if len(m.Uniform.Numbers) > 0 {
		real = tokens
	}
	in := glip.Module{Batch: batch, Grids: m.grids(), Tokens: real, Random: m.tower()}
	isReal := func(item, row int) bool { return row < m.Valid[item] }
	padded := func(item, row int) bool { return !isReal(item, row) }
	for _, part := range []func(item, row int) bool{isReal, padded} {
		r := Run{Inputs: map[string][]float32{"mask": m.mask(in.Tokens)}}
		m.levels(t, &r)
		r.Inputs["text"] = cut(x.Content(), x.Shape, graph.Shape{batch, in.Tokens, x.Shape[2]})
		r.given = append(r.given, port{name: "lang", path: "text"})
		if in.Tokens == tokens && !part(0, 0) {
			clear(r.Inputs["mask"])
		}
		for l := range m.Levels {
			if part(0, 0) {
				r.made = append(r.made, port{name: fmt.Sprint("visual", l), path: fmt.Sprint(towerScope, "0.p", l+3)})
			}
		}
		r.made = append(r.made, port{name: "lang", path: towerScope + "0.lang", counts: part, pulls: part})
		m.end(t, built(t)(glip.RecordFusion(m.cfg, 0, in)), r)
		if in.Tokens = tokens; slices.Min(m.Valid) == tokens {
			break
		}
	}
}

// tower is what falls by chance there.
func (m *Module) tower() glip.Random {
	if len(m.Uniform.Numbers) == 0 {
		return glip.Random{}
	}
	return glip.Random{Tower: 0.1}
}

func (m *Module) textLayer(t *testing.T) {
	x := m.Find(t, "input", "lang")
	g := built(t)(glip.RecordTextLayer(m.cfg, 1, glip.Module{Batch: x.Shape[0], Tokens: x.Shape[1], Random: m.tower()}))
	m.end(t, g, Run{
		Inputs: map[string][]float32{"text": x.Content(), "mask": m.mask(x.Shape[1])}, given: []port{{name: "lang", path: "text"}},
		made: []port{{name: "out", path: g.Nodes[g.Outputs[0]].Path}},
	})
}

func (m *Module) dynamicReLU(t *testing.T) {
	x := m.Find(t, "input", "x")
	m.cfg.Channels = x.Shape[1]
	g := built(t)(glip.RecordDynamicReLU(m.cfg, 2, glip.Module{Batch: x.Shape[0], Grids: append(m.grids(), gridOf(x.Shape))}))
	m.end(t, g, Run{
		Inputs: map[string][]float32{"level.0": channelsLast(x.Content(), x.Shape)}, given: []port{{name: "x", path: "level.0"}},
		made: []port{{name: "out", path: g.Nodes[g.Outputs[0]].Path}},
	})
}

func (m *Module) dyConv(t *testing.T) {
	x := m.Find(t, "input", "visual")
	m.cfg.Channels = x.Shape[1]
	r := Run{Inputs: map[string][]float32{}}
	m.levels(t, &r)
	g := built(t)(glip.RecordDyConv(m.cfg, 2, glip.Module{Batch: x.Shape[0], Grids: m.grids()}))
	for l, id := range g.Outputs {
		r.made = append(r.made, port{name: fmt.Sprint("out", l), path: g.Nodes[id].Path})
	}
	m.end(t, g, r)
}

func (m *Module) heads(t *testing.T) {
	x := m.Find(t, "input", "hidden")
	r := Run{Inputs: map[string][]float32{"text": x.Content()}}
	m.levels(t, &r)
	r.given = append(r.given, port{name: "hidden", path: "text"})
	g := built(t)(glip.RecordHead(m.cfg, m.grids(), glip.Grounding{Batch: x.Shape[0], Tokens: x.Shape[1], Labels: 1}))
	for l := range m.Levels {
		center := "rpn.head.centerness"
		if l > 0 {
			center = fmt.Sprintf("%s#%d", center, l+1)
		}
		r.made = append(r.made, port{name: fmt.Sprint("bbox", l), path: fmt.Sprint("rpn.head.bbox.p", l+3)},
			port{name: fmt.Sprint("ctr", l), path: center}, port{name: fmt.Sprint("dot", l), path: fmt.Sprint("rpn.head.dot.p", l+3)})
	}
	m.end(t, g, r)
}

// prompt is what comes before the tower.
func (m *Module) prompt(t *testing.T) {
	x := m.Find(t, "input", "text")
	m.cfg.PromptRows = m.Find(t, "gradient", "grad."+glip.PromptTable).Shape[0]
	g := built(t)(glip.RecordGrounding(m.cfg, glip.Grounding{
		Batch: x.Shape[0], Height: 2 * glip.Divisor, Width: 2 * glip.Divisor, Tokens: x.Shape[1], Labels: 1,
	}))
	m.end(t, g, Run{
		Inputs: map[string][]float32{"hidden": x.Content()}, given: []port{{name: "text", path: "hidden"}},
		made: []port{{name: "hidden", path: towerScope + "prompted"}},
	})
}
