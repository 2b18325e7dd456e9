package kernels_test

import (
	"fmt"
	"testing"

	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/kernels"
	"github.com/glipvk/glipvk/vulkan"
)

// joinedCase is a small graph of which the rewrites make few steps.
type joinedCase struct {
	name   string
	steps  int // after all rewrites
	record func(b *graph.Builder)
}

// normedProduct records LayerNorm and a product of the map [1, H, W, C], partitioned and padded
// to windows in between where window is not 0.
func normedProduct(h, w, c, n, window, shift int) func(b *graph.Builder) {
	return func(b *graph.Builder) {
		x := b.In("norm").LayerNorm(b.In("x").Input(1, h, w, c), 1e-5)
		if window > 0 {
			x = b.In("pad").Pad(x, (h+window-1)/window*window, (w+window-1)/window*window)
			if shift > 0 {
				x = b.In("roll").Roll(x, shift, shift)
			}
			x = b.In("windows").WindowPartition(x, window)
		}
		b.Output(b.In("y").Linear(x, n, graph.WithBias))
	}
}

// reversed records a product of windows, put back into a map, cropped, and added to it.
func reversed(h, w, c, window, shift int) func(b *graph.Builder) {
	return func(b *graph.Builder) {
		ph, pw := (h+window-1)/window*window, (w+window-1)/window*window
		x := b.In("x").Input(ph*pw/window/window, window*window, c)
		y := b.In("proj").Linear(x, c, graph.WithBias)
		y = b.In("reversed").WindowReverse(y, graph.WindowReverse{Size: window, Height: ph, Width: pw})
		y = b.In("unrolled").Roll(y, -shift, -shift)
		y = b.In("crop").Crop(y, h, w)
		b.Output(b.In("sum").Add(b.In("map").Input(1, h, w, c), y))
	}
}

// mergedMap records patch merging with its norm and reduction.
func mergedMap(h, w, c int) func(b *graph.Builder) {
	return func(b *graph.Builder) {
		x := b.In("merged").MergePatches(b.In("x").Input(2, h, w, c))
		x = b.In("norm").LayerNorm(x, 1e-5)
		b.Output(b.In("reduction").Linear(x, 2*c, graph.NoBias))
	}
}

// attended records attention over windows; shift 0 has no mask.
func attended(batch, h, w, window, shift, heads, d int) func(b *graph.Builder) {
	return func(b *graph.Builder) {
		qkv := b.In("qkv").Input(batch*(h/window)*(w/window), window*window, 3*heads*d)
		s := b.In("scores").Scores(qkv, graph.Scores{Heads: heads, Scale: 0.3})
		side := 2*window - 1
		s = b.In("biased").Add(s, b.In("bias").PositionBias(b.Param("table", side*side, heads), window))
		if shift > 0 {
			s = b.In("masked").Add(s, b.In("mask").ShiftMask(graph.ShiftMask{Height: h, Width: w, Size: window, Shift: shift}))
		}
		b.Output(b.In("context").Context(b.In("p").Softmax(s), qkv, heads))
	}
}

// block records a product into attention into a product: values of 16 bits, where they may be.
func block(h, w, c, heads, window, shift int) func(b *graph.Builder) {
	return func(b *graph.Builder) {
		x := b.In("x").Input(1, h, w, c)
		y := b.In("windows").WindowPartition(b.In("rolled").Roll(b.In("norm").LayerNorm(x, 1e-5), shift, shift), window)
		qkv := b.In("qkv").Linear(y, 3*c, graph.WithBias)
		s := b.In("scores").Scores(qkv, graph.Scores{Heads: heads, Scale: 0.3})
		side := 2*window - 1
		s = b.In("biased").Add(s, b.In("bias").PositionBias(b.Param("table", side*side, heads), window))
		s = b.In("masked").Add(s, b.In("mask").ShiftMask(graph.ShiftMask{Height: h, Width: w, Size: window, Shift: shift}))
		y = b.In("proj").Linear(b.In("context").Context(b.In("p").Softmax(s), qkv, heads), c, graph.WithBias)
		y = b.In("unrolled").Roll(b.In("reversed").WindowReverse(y, graph.WindowReverse{Size: window, Height: h, Width: w}), -shift, -shift)
		x = b.In("sum").Add(x, y)
		y = b.In("gelu").GELU(b.In("fc1").Linear(b.In("norm2").LayerNorm(x, 1e-5), 4*c, graph.WithBias))
		b.Output(b.In("sum2").Add(x, b.In("fc2").Linear(y, c, graph.WithBias)))
	}
}

// biattended records attention of positions to tokens and back, as package rewrite writes it, with scores of
// which some are clamped.
func biattended(pictures, positions, tokens, c, heads int) func(b *graph.Builder) {
	return func(b *graph.Builder) {
		n := heads * tokens
		v := b.In("v").Input(pictures, positions, c)
		scores := b.In("scores").CrossScores(v, b.In("keys").Input(pictures, n, c), graph.CrossScores{Heads: 1, Scale: 8}, b.In("shifts").Input(pictures, n))
		scores = b.In("clamped").Clamp(scores, 12)
		p := b.In("p").Softmax(b.In("heads").Reshape(scores, pictures, positions, heads, tokens))
		p = b.In("joined").Reshape(p, pictures, 1, positions, n)
		q := b.In("q").Softmax(b.In("swapped").SwapLast(scores))
		context := b.In("context").CrossContext(q, v, 1)
		b.Output(b.In("delta").CrossContext(p, b.In("values").Input(pictures, n, c+4), 1, b.In("bias").Input(c+4)))
		b.Output(context)
	}
}

func joinedCases() []joinedCase {
	first := func(h, w, c int) func(b *graph.Builder) {
		return func(b *graph.Builder) {
			b.Output(b.In("out").ChannelsFirst(b.In("norm").LayerNorm(b.In("x").Input(2, h, w, c), 1e-5)))
		}
	}
	return []joinedCase{
		{"norm 1x1x8 to 4", 1, normedProduct(1, 1, 8, 4, 0, 0)},
		{"norm 7x9x96 to 288", 1, normedProduct(7, 9, 96, 288, 0, 0)},
		{"norm 5x13x40 to 36", 1, normedProduct(5, 13, 40, 36, 0, 0)},
		{"norm 3x3x1536 to 100", 1, normedProduct(3, 3, 1536, 100, 0, 0)},
		{"norm and windows of 4 from 9x6x24", 1, normedProduct(9, 6, 24, 72, 4, 2)},
		{"norm and windows of 7 from 15x13x32", 1, normedProduct(15, 13, 32, 96, 7, 3)},
		{"norm and windows of 12 from 25x12x64", 1, normedProduct(25, 12, 64, 64, 12, 6)},
		{"windows of 4 reversed to 9x6x24", 1, reversed(9, 6, 24, 4, 2)},
		{"windows of 7 reversed to 15x13x96", 1, reversed(15, 13, 96, 7, 3)},
		{"merge of 5x7x24", 1, mergedMap(5, 7, 24)},
		{"merge of 8x6x96", 1, mergedMap(8, 6, 96)},
		{"attention in windows of 1", 1, attended(2, 2, 3, 1, 0, 2, 8)},
		{"attention in windows of 4, shifted", 1, attended(2, 8, 12, 4, 2, 3, 8)},
		{"attention in windows of 7", 1, attended(1, 14, 7, 7, 0, 3, 32)},
		{"attention in windows of 7, shifted", 1, attended(2, 14, 14, 7, 3, 2, 32)},
		{"attention in windows of 12, shifted", 1, attended(1, 24, 24, 12, 6, 2, 32)},
		{"attention with heads of 48", 1, attended(1, 8, 8, 4, 1, 2, 48)},
		{"channels first, 5x7x12", 1, first(5, 7, 12)},
		{"channels first, 3x3x13", 1, first(3, 3, 13)},
		{"attention of 301 positions and 5 tokens of 12 in 3 heads", 1, biattended(1, 301, 5, 12, 3)},
		{"attention of 150 positions and 20 tokens of 64 in 8 heads", 1, biattended(1, 150, 20, 64, 8)},
		{"attention of 96 positions and 3 tokens of 10 in a head", 1, biattended(1, 96, 3, 10, 1)},
		{"attention of 3 pictures of 150 positions and 20 tokens of 64 in 8 heads", 1, biattended(3, 150, 20, 64, 8)},
		{"attention of 1 position and 2 tokens of 8 in 2 heads", 1, biattended(1, 1, 2, 8, 2)},
		{"block of 8x8x32", 5, block(8, 8, 32, 2, 4, 2)},
		{"block of 14x14x96", 5, block(14, 14, 96, 3, 7, 3)},
		{"block of 12x8x24", 5, block(12, 8, 24, 3, 4, 2)},
	}
}

// times widens a bound, but for the norm of 16-bit values, which is what users are promised.
func (b bound) times(n float64) bound {
	return bound{each: n * b.each, rms: n * b.rms, l2: max(b.l2, min(n*b.l2, 64*ulp))}
}

// joinedBound is for products of up to 1536 terms after a norm, and attention.
var joinedBound = bound{each: 64 * ulp, rms: 64 * ulp, l2: 8 * ulp}

// halfBound is for matrices, and values between them, rounded to 11 bits.
var halfBound = bound{each: 2e-3, rms: 4e-3, l2: 2e-3}

// TestJoined compares what the rewrites make of small graphs with the oracle, in every
// style that the device can run, in both precisions, and with no rewrite at all.
func TestJoined(t *testing.T) {
	d := device(t)
	ways := map[string]vulkan.UploadOptions{"default": {}, "tiled": {Variant: "tiled"}, "direct": {Variant: "direct"}}
	for _, c := range joinedCases() {
		t.Run(c.name, func(t *testing.T) {
			g := build(t, c.record)
			if got := kernels.Steps(g, true); len(got) != c.steps {
				t.Errorf("%d steps, want %d: %q", len(got), c.steps, got)
			}
			s := tensors{uniform, seed}
			want := oracle(t, g, s)
			for way, u := range ways {
				for _, p := range []kernels.Precision{kernels.F32, kernels.F16} {
					for _, apart := range []bool{false, true} {
						u.Precision = p
						bound := joinedBound
						if p == kernels.F16 {
							bound = halfBound
						}
						if c.steps > 1 { // errors of one product pass through the next
							bound = bound.times(4)
						}
						got := run(t, compileAs(t, d, g, s, u, vulkan.Options{NoFusion: apart}), s.inputs(g)...)
						for i := range want {
							if err := bound.check(got[i], want[i]); err != nil {
								t.Errorf("seed %d, %s: %v", s.seed, fmt.Sprintf("%s %s, apart %v", way, p, apart), err)
							}
						}
					}
				}
			}
		})
	}
}
