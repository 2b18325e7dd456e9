package graph

import (
	"cmp"
	"slices"
)

// Gradients of what cuts, resizes or gathers, and parts of channels.

// PositionBiasGradTable is the gradient of [PositionBias]: g [h, n, n] -> [(2w-1)², h], a row being the sum over the
// pairs that read it.
type PositionBiasGradTable struct{ Window int }

func (PositionBiasGradTable) takes(int) []string { return []string{"hnn"} }
func (o PositionBiasGradTable) valid(in []Shape, s *sizes) error {
	return must(o.Window >= 1 && s['n'] == o.Window*o.Window, "gradient %v, want %d x %d for window %d", in[0], o.Window*o.Window, o.Window*o.Window, o.Window)
}
func (o PositionBiasGradTable) infer(_ []Shape, s *sizes) Shape {
	return Shape{(2*o.Window - 1) * (2*o.Window - 1), s['h']}
}

// SplitPatches is the inverse of [MergePatches] for patches of Size x Size, and what lies beyond the map is dropped:
// [B, ceil(H/s), ceil(W/s), c*s*s] -> [B, Height, Width, c].
type SplitPatches struct{ Size, Height, Width int }

func (SplitPatches) takes(int) []string { return []string{"BHWC"} }
func (o SplitPatches) valid(in []Shape, s *sizes) error {
	n := max(o.Size, 1)
	return must(o.Size >= 1 && s['C']%(n*n) == 0 && ceilDiv(o.Height, n) == s['H'] && ceilDiv(o.Width, n) == s['W'],
		"patches %v of size %d do not make a map of %d x %d", in[0], o.Size, o.Height, o.Width)
}
func (o SplitPatches) infer(_ []Shape, s *sizes) Shape {
	return Shape{s['B'], o.Height, o.Width, s['C'] / o.Size / o.Size}
}

// ResizeNearestGradX is the gradient of [ResizeNearest] from a map of Height x Width, the sum of what was made of a
// position: [B, H, W, C] -> [B, Height, Width, C].
type ResizeNearestGradX struct{ Height, Width int }

func (ResizeNearestGradX) takes(int) []string { return []string{"BHWC"} }
func (o ResizeNearestGradX) infer(_ []Shape, s *sizes) Shape {
	return Shape{s['B'], o.Height, o.Width, s['C']}
}

// ResizeBilinearGradX is the gradient of [ResizeBilinear] from a map of Height x Width: [B, H, W, C] -> [B, Height, Width, C].
type ResizeBilinearGradX struct{ Height, Width int }

func (ResizeBilinearGradX) takes(int) []string { return []string{"BHWC"} }
func (o ResizeBilinearGradX) infer(_ []Shape, s *sizes) Shape {
	return Shape{s['B'], o.Height, o.Width, s['C']}
}

// EmbedGradWord is the gradient of [Embed] with respect to the words: g [B, T, C], ids [B, T] -> [Rows, C], a row being
// the sum over the tokens that read it. Row 0, that of padding, gets none (padding_idx of nn.Embedding).
type EmbedGradWord struct{ Rows int }

func (EmbedGradWord) takes(int) []string { return []string{"BTC", "BT"} }
func (o EmbedGradWord) valid([]Shape, *sizes) error {
	return must(o.Rows >= 1, "%d rows, want at least 1", o.Rows)
}
func (o EmbedGradWord) infer(_ []Shape, s *sizes) Shape { return Shape{o.Rows, s['C']} }

// SliceChannels takes Count channels from Begin on: [..., C] -> [..., Count].
type SliceChannels struct{ Begin, Count int }

func (SliceChannels) takes(int) []string { return []string{"*C"} }
func (o SliceChannels) valid(in []Shape, s *sizes) error {
	return must(o.Begin >= 0 && o.Count >= 1 && o.Count <= s['C'] && o.Begin <= s['C']-o.Count, "%d channels from %d on of %v", o.Count, o.Begin, in[0])
}
func (o SliceChannels) infer(in []Shape, _ *sizes) Shape {
	return append(slices.Clone(in[0][:len(in[0])-1]), o.Count)
}

// ConcatChannels puts channels one after the other: operands [..., C], alike but for C -> [..., sum of C].
type ConcatChannels struct{}

func (ConcatChannels) takes(n int) []string { return slices.Repeat([]string{"*"}, max(n, 1)) }
func (ConcatChannels) valid(in []Shape, _ *sizes) error {
	var err error
	for _, x := range in {
		same := len(x) >= 1 && len(x) == len(in[0]) && x[:len(x)-1].Equal(in[0][:len(in[0])-1])
		err = cmp.Or(err, must(same, "operand %v beside %v, want the same but for the last", x, in[0]))
	}
	return err
}
func (ConcatChannels) infer(in []Shape, _ *sizes) Shape {
	channels := 0
	for _, x := range in {
		channels += x.Last()
	}
	return append(slices.Clone(in[0][:len(in[0])-1]), channels)
}
