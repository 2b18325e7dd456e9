package swin

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/glipvk/glipvk/graph"
)

// ErrSmallMap is wrapped when a stage's map is smaller than the window and the
// configuration does not pad such maps. Remedy: a larger picture, or PadSmallMap.
var ErrSmallMap = errors.New("map smaller than the window")

// Input is the size of the pictures that a graph is recorded for, in pixels.
type Input struct{ Batch, Height, Width int }

// Grid is the size of a token map.
type Grid struct{ Height, Width int }

// Record writes the backbone down for one input size. The graph's input is
// [B, 3, H, W]: normalised pixels, blue first. Its outputs, "out.0" and so on for
// each of OutIndices, are the normed stage maps [B, C, H, W].
//
// Maps that are not larger than the window are treated as mmpretrain does
// (mmpretrain/models/utils/attention.py, ShiftWindowMSA): with PadSmallMap false,
// a map smaller than the window is refused with [ErrSmallMap], and a map whose
// shorter side equals the window is not shifted; with PadSmallMap true, as in
// GLIP's detector, all maps are padded to whole windows and shifted.
func Record(cfg Config, in Input) (*graph.Graph, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if in.Batch < 1 || in.Height < 1 || in.Width < 1 {
		return nil, fmt.Errorf("swin: %w: pictures of %d x %d in batches of %d, want at least 1 of each",
			graph.ErrShape, in.Height, in.Width, in.Batch)
	}
	b := graph.NewBuilder()
	image := b.In("input").Input(in.Batch, 3, in.Height, in.Width) // [B, 3, H, W]
	Body(b, cfg, image, func(s int, y graph.Value) {
		b.Output(b.In("out", s).ChannelsFirst(y)) // [B, C, H, W]
	})
	g, err := b.Build()
	if err != nil {
		return nil, fmt.Errorf("swin: %w", err)
	}
	return g, nil
}

// Body records the backbone below the builder's scope, for a larger model to go on
// from: of an image [B, 3, H, W] the normed maps [B, H, W, C] of the stages
// cfg.OutIndices. Each is handed to output as soon as it is recorded, so that what
// reads it can stand beside it. The configuration must be valid; errors are the builder's.
func Body(b *graph.Builder, cfg Config, image graph.Value, output func(stage int, y graph.Value)) {
	m := model{cfg}
	size := image.Shape()
	if len(size) != 4 {
		return // an error was recorded before
	}
	grid := m.grid(Input{size[0], size[2], size[3]})
	x := m.patchEmbed(b, image, grid) // [B, H0, W0, C]
	for s := range cfg.Depths {
		st := stage{index: s, grid: grid, channels: cfg.Channels(s), heads: cfg.NumHeads[s]}
		x = m.stage(b.In("stages", s), x, st)   // [B, H, W, C]
		if slices.Contains(cfg.OutIndices, s) { // normed; the next stage goes on from the raw x
			output(s, b.In(fmt.Sprint("norm", s)).LayerNorm(x, cfg.Eps))
		}
		if s+1 < cfg.Stages() {
			x = m.patchMerge(b.In("stages", s, "downsample"), x, 2*st.channels) // [B, ceil(H/2), ceil(W/2), 2C]
			grid = Grid{(grid.Height + 1) / 2, (grid.Width + 1) / 2}
		}
	}
}

type model struct{ cfg Config }

// stage is what a block needs to know about where it stands.
type stage struct {
	index    int
	grid     Grid
	channels int
	heads    int
}

// grid is the token map of stage 0.
func (m model) grid(in Input) Grid {
	p := m.cfg.PatchSize
	return Grid{(in.Height + p - 1) / p, (in.Width + p - 1) / p}
}

// patchEmbed turns pixels into tokens: a convolution whose stride is its kernel, then a norm.
func (m model) patchEmbed(b *graph.Builder, image graph.Value, grid Grid) graph.Value {
	p, c := m.cfg.PatchSize, m.cfg.EmbedDims
	e := b.In("patch_embed")
	x := e.In("patches").Patches(image, p) // [B, H0, W0, 3*p*p]
	proj := e.In("projection")
	x = proj.LinearOf(x, proj.Param("weight", c, 3, p, p), graph.WithBias) // [B, H0, W0, C]
	x = e.In("norm").LayerNorm(x, m.cfg.Eps)
	if m.cfg.AbsPosEmbed {
		side := m.cfg.ImageSize / p
		position := b.Param("absolute_pos_embed", 1, side*side, c)
		position = e.In("position").ResizePosition(position, grid.Height, grid.Width) // [1, H0, W0, C]
		x = e.In("positioned").Add(x, position)
	}
	return x
}

// stage records the blocks of one stage; every second block is shifted by half a window.
func (m model) stage(b *graph.Builder, x graph.Value, st stage) graph.Value {
	shift, err := m.shift(st)
	if err != nil {
		b.Fail(err)
	}
	for i := range m.cfg.Depths[st.index] {
		x = m.block(b.In("blocks", i), x, st, shift*(i%2))
	}
	return x
}

// shift is that of the odd blocks of a stage (see Record for small maps).
func (m model) shift(st stage) (int, error) {
	w, least := m.cfg.WindowSize, min(st.grid.Height, st.grid.Width)
	switch {
	case m.cfg.PadSmallMap || least > w:
		return w / 2, nil
	case least == w:
		return 0, nil
	}
	return 0, fmt.Errorf("%w: stage %d has a map of %d x %d tokens and windows of %d; give a larger picture, "+
		"or set PadSmallMap (pad_small_map of an architecture), the GLIP detector's rule",
		ErrSmallMap, st.index, st.grid.Height, st.grid.Width, w)
}

// block records one Swin block: windowed attention, then the MLP, each behind a
// norm and around a residual. x is [B, H, W, C]. The zero padding comes after the
// norm, and padded tokens take part in attention.
func (m model) block(b *graph.Builder, x graph.Value, st stage, shift int) graph.Value {
	w := m.cfg.WindowSize
	padded := Grid{(st.grid.Height + w - 1) / w * w, (st.grid.Width + w - 1) / w * w}

	a := b.In("attn")
	y := b.In("norm1").LayerNorm(x, m.cfg.Eps)
	y = a.In("padded").Pad(y, padded.Height, padded.Width) // [B, Hp, Wp, C]
	if shift > 0 {
		y = a.In("rolled").Roll(y, shift, shift)
	}
	y = a.In("windows").WindowPartition(y, w) // [B*nW, n, C]
	y = m.attention(a, y, st, padded, shift)  // [B*nW, n, C]
	y = a.In("reversed").WindowReverse(y, graph.WindowReverse{Size: w, Height: padded.Height, Width: padded.Width})
	if shift > 0 {
		y = a.In("unrolled").Roll(y, -shift, -shift)
	}
	y = a.Crop(y, st.grid.Height, st.grid.Width) // [B, H, W, C]
	x = b.In("residual").Add(x, y)

	y = b.In("norm2").LayerNorm(x, m.cfg.Eps)
	y = m.mlp(b.In("ffn", "layers"), y, st)
	return b.Add(x, y)
}

// attention records multi-head attention inside windows with a relative position
// bias and, in shifted blocks, the shift mask. x is [B*nW, n, C].
func (m model) attention(a *graph.Builder, x graph.Value, st stage, padded Grid, shift int) graph.Value {
	w, c, h := m.cfg.WindowSize, st.channels, st.heads
	b := a.In("w_msa")
	qkv := b.In("qkv").Linear(x, 3*c, graph.Bias(m.cfg.QKVBias)) // [B*nW, n, 3C]
	scores := b.In("scores").Scores(qkv, graph.Scores{
		Heads: h, Scale: 1 / math.Sqrt(float64(c/h)),
	}) // [B*nW, h, n, n]
	table := b.Param("relative_position_bias_table", (2*w-1)*(2*w-1), h)
	bias := b.In("position_bias").PositionBias(table, w) // [h, n, n]
	scores = b.In("scores_biased").Add(scores, bias)
	if shift > 0 {
		mask := a.In("mask").ShiftMask(graph.ShiftMask{
			Height: padded.Height, Width: padded.Width, Size: w, Shift: shift,
		}) // [nW, 1, n, n]
		scores = b.In("scores_masked").Add(scores, mask)
	}
	p := b.In("softmax").Softmax(scores)
	y := b.In("context").Context(p, qkv, h) // [B*nW, n, C]
	return b.In("proj").Linear(y, c, graph.WithBias)
}

// mlp records the two-layer perceptron of a block; x is [B, H, W, C].
func (m model) mlp(b *graph.Builder, x graph.Value, st stage) graph.Value {
	x = b.In(0, 0).Linear(x, m.cfg.Hidden(st.index), graph.WithBias) // [B, H, W, 4C]
	x = b.In(0, 1).GELU(x)
	return b.In(1).Linear(x, st.channels, graph.WithBias) // [B, H, W, C]
}

// patchMerge halves the map: 2 x 2 neighbours side by side, a norm, a projection without bias.
func (m model) patchMerge(b *graph.Builder, x graph.Value, channels int) graph.Value {
	x = b.In("merged").MergePatches(x) // [B, ceil(H/2), ceil(W/2), 4C]
	x = b.In("norm").LayerNorm(x, m.cfg.Eps)
	return b.In("reduction").Linear(x, channels, graph.NoBias)
}
