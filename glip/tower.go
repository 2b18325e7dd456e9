package glip

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/glipvk/glipvk/graph"
)

// Eps of the tower's norms of maps: torch's default.
const mapEps = 1e-5

// grounding records tower, head and selection of captions hidden [B, T, D] with mask
// [B, T], and marks as outputs the candidates, then the health of what they are made of.
func (m model) grounding(b *graph.Builder, maps []graph.Value, hidden, mask graph.Value, in Grounding) {
	owned := b.In("owned").Input(in.Batch, in.Labels, in.Tokens)
	head := b.In("rpn", "head")
	maps, text := m.tower(head.In("dyhead_tower"), m.spread(b.In("shared"), maps, in), hidden, mask)
	health(b, append(maps, m.head(head, maps, text, owned, in)...)...)
}

// given are the inputs P3..P7 of the grounding.
func (m model) given(b *graph.Builder, in Grounding) (maps []graph.Value) {
	grids := Grids(in.Height, in.Width)
	if !in.Apart {
		return m.inputs(b, in.pictures(), grids[:])
	}
	for i := range in.Batch {
		maps = append(maps, m.inputs(b.In("picture", i), 1, grids[:])...)
	}
	return maps
}

// spread gives every caption its maps: a copy of the shared ones, or those of its picture.
func (m model) spread(b *graph.Builder, maps []graph.Value, in Grounding) []graph.Value {
	if in.Batch == 1 || !in.Shared && !in.Apart {
		return maps
	}
	all := maps
	if in.Shared {
		all = slices.Repeat(maps, in.Batch)
	}
	row := b.ConcatTokens(all...) // [1, B*S, C]
	return m.split(b, b.In("captions").Reshape(row, in.Batch, row.Shape().Rows()/in.Batch, m.cfg.Channels), maps[:Levels])
}

// apart are maps [B, h, w, C] as those of each picture, [1, h, w, C], one picture after the other.
func (m model) apart(b *graph.Builder, maps []graph.Value) []graph.Value {
	batch := 0
	rows := make([]graph.Value, len(maps))
	for l, x := range maps {
		size := x.Shape()
		if len(size) != 4 {
			return maps // an error was recorded before
		}
		batch = size[0]
		rows[l] = b.In("row", level(l)).Reshape(x, 1, batch*size[1]*size[2], size[3])
	}
	var list []graph.Value
	for i := range batch {
		for l, x := range maps {
			size := x.Shape()
			list = append(list, b.In(i, level(l)).SliceTokens(rows[l], graph.SliceTokens{Begin: i * size[1] * size[2], Height: size[1], Width: size[2]}))
		}
	}
	return list
}

// tower records the layers of VLDyHead (maskrcnn_benchmark/modeling/rpn/vldyhead.py):
// fusion, a text layer, a DyConv; without fusion the DyConv alone.
func (m model) tower(b *graph.Builder, maps []graph.Value, text, mask graph.Value) ([]graph.Value, graph.Value) {
	text = m.prompted(b.In("prompted"), text)
	for i := range m.cfg.Layers {
		if !m.cfg.Fusion {
			maps = m.dyConv(b.In(i), maps)
			continue
		}
		maps, text = m.fuse(b.In(3*i), maps, text, mask)
		text = m.textLayer(b.In(3*i+1), text, mask, clamped)
		maps = m.dyConv(b.In(3*i+2), maps)
	}
	return maps, text
}

// PromptTable is the parameter that prompt tuning learns, [rows, D]: row i is added to token i of
// every caption (tunable_linear of maskrcnn_benchmark/modeling/rpn/vldyhead.py).
const PromptTable = "rpn.tunable_linear.weight"

// prompted records the addition of the prompt table, where there is one, to text [B, T, D].
func (m model) prompted(b *graph.Builder, text graph.Value) graph.Value {
	if m.cfg.PromptRows == 0 || len(text.Shape()) != 3 {
		return text
	}
	rows, tokens, d := m.cfg.PromptRows, text.Shape()[1], text.Shape()[2]
	table := b.Root().In(strings.TrimSuffix(PromptTable, ".weight")).Param("weight", rows, d)
	first := b.In("rows").SliceTokens(b.In("table").Reshape(table, 1, rows, d), graph.SliceTokens{Height: 1, Width: tokens})
	return b.Add(text, b.In("matrix").Reshape(first, tokens, d))
}

// level names a level below a scope: p3 to p7.
func level(l int) string { return fmt.Sprint("p", l+3) }

// fuse records VLFuse (BiAttentionBlockForCheckpoint and BiMultiHeadAttention of
// maskrcnn_benchmark/utils/fuse_helper.py): the positions of all levels in one sequence
// [B, S, C] and the tokens [B, T, D] attend to each other. Both residuals start from the
// normed tensors. The text side's softmax over the positions subtracts the largest score
// first and clamps again, which changes nothing. The original masks the image side alone;
// here the text side of padding, which nobody reads, is masked too.
func (m model) fuse(b *graph.Builder, maps []graph.Value, text, mask graph.Value) ([]graph.Value, graph.Value) {
	c, e, h, d := m.cfg.Channels, m.cfg.FusionDim, m.cfg.FusionHeads, m.cfg.Text.Hidden
	f := b.In("b_attn")
	a := f.In("attn")
	v := f.In("layer_norm_v").LayerNorm(f.In("visual").ConcatTokens(maps...), mapEps) // [B, S, C]
	x := f.In("layer_norm_l").LayerNorm(text, mapEps)                                 // [B, T, D]

	q := a.In("v_proj").Linear(v, e, graph.WithBias)
	k := a.In("l_proj").Linear(x, e, graph.WithBias)
	valuesV := a.In("values_v_proj").Linear(v, e, graph.WithBias)
	valuesL := a.In("values_l_proj").Linear(x, e, graph.WithBias)
	scores := a.In("scores").CrossScores(q, k, graph.CrossScores{Heads: h, Scale: 1 / math.Sqrt(float64(e)/float64(h))}, mask)
	scores = a.In("clamped").Clamp(scores, clampLimit) // [B, h, S, T]

	toTokens := m.dice.Thin(a.In("softmax_v"), a.In("softmax_v").Softmax(scores), m.random.Tower) // over T
	deltaV := a.In("context_v").CrossContext(toTokens, valuesL, h)                                // [B, S, E]
	deltaV = a.In("out_v_proj").Linear(deltaV, c, graph.WithBias)                                 // [B, S, C]
	toPositions := a.In("softmax_l").Softmax(a.In("scores_l").SwapLast(scores))                   // [B, h, T, S], over S
	toPositions = m.dice.Thin(a.In("softmax_l"), toPositions, m.random.Tower)
	deltaL := a.In("context_l").CrossContext(toPositions, valuesV, h)  // [B, T, E]
	deltaL = a.In("out_l_proj").Linear(deltaL, d, graph.WithBias)      // [B, T, D]
	v = f.In("residual_v").AddScaled(v, deltaV, f.Param("gamma_v", c)) // [B, S, C]
	text = b.In("lang").AddScaled(x, deltaL, f.Param("gamma_l", d))    // [B, T, D]
	return m.split(b, v, maps), text
}

// split cuts a sequence into maps of the sizes of others.
func (m model) split(b *graph.Builder, v graph.Value, like []graph.Value) []graph.Value {
	maps := make([]graph.Value, len(like))
	begin := 0
	for l := range like {
		size := like[l].Shape()
		if len(size) != 4 {
			return like // an error was recorded before
		}
		maps[l] = b.In(level(l)).SliceTokens(v, graph.SliceTokens{Begin: begin, Height: size[1], Width: size[2]})
		begin += size[1] * size[2]
	}
	return maps
}

// dyConv records DyConv (the module of that name in vldyhead.py), whose weights serve
// all levels. Each level gathers its own map and its neighbours', each through a
// deformable convolution whose offsets come of the level itself, weighs and averages
// them, and passes the mean through a ReLU with coefficients of its own.
func (m model) dyConv(b *graph.Builder, maps []graph.Value) []graph.Value {
	taps := 9
	next := make([]graph.Value, len(maps))
	for l, x := range maps {
		om := b.In("offset").Conv(x, 3*taps, 3, graph.Conv{Stride: 1, Pad: 1}, graph.WithBias)
		om = b.In("offset", "modulated").Sigmoid(om, 2*taps)
		branches := m.branch(b, m.convolve(b, 1, x, om, 1))
		if l > 0 {
			branches = append(branches, m.branch(b, m.convolve(b, 2, maps[l-1], om, 2))...)
		}
		if size := x.Shape(); l+1 < len(maps) && len(size) == 4 {
			// The coarser level reads this level's offsets as if they were of its own size (DeformConv).
			y := m.convolve(b, 0, maps[l+1], om, 1)
			y = b.In("DyConv", 0, "upsample").ResizeBilinear(y, size[1], size[2])
			branches = append(branches, m.branch(b, y)...)
		}
		y := b.In("mean").WeightedMean(branches...)
		next[l] = m.dynamicReLU(b.In("relu"), b.In(level(l)), y)
	}
	return next
}

// convolve records Conv3x3Norm number which: a deformable convolution, then a group norm.
func (m model) convolve(b *graph.Builder, which int, x, om graph.Value, stride int) graph.Value {
	d := b.In("DyConv", which)
	y := d.In("conv").DeformConv(x, om, m.cfg.Channels, 3, graph.DeformConv{Stride: stride, Pad: 1})
	return d.In("bn").GroupNorm(y, graph.GroupNorm{Groups: m.cfg.Groups, Eps: mapEps})
}

// branch is a map with its gate: a weight of each branch from the mean over the map.
func (m model) branch(b *graph.Builder, x graph.Value) []graph.Value {
	a := b.In("AttnConv", 1)
	g := b.In("AttnConv", 0).GlobalMean(x) // [B, C]
	g = a.LinearOf(g, a.Param("weight", 1, m.cfg.Channels, 1, 1), graph.WithBias)
	g = b.In("AttnConv", 2).ReLU(g)
	return []graph.Value{x, b.In("h_sigmoid").HardSigmoid(g)} // [B, 1]
}

// dynamicReLU records DYReLU (maskrcnn_benchmark/layers/dyrelu.py); the result takes the
// path of out.
func (m model) dynamicReLU(b, out *graph.Builder, x graph.Value) graph.Value {
	c := m.cfg.Channels
	t := b.In("avg_pool").GlobalMean(x) // [B, C]
	t = b.In("fc", 0).Linear(t, c/4, graph.WithBias)
	t = b.In("fc", 1).ReLU(t)
	t = b.In("fc", 2).Linear(t, 4*c, graph.WithBias)
	return out.DynamicReLU(x, b.In("fc", 3).HardSigmoid(t))
}
