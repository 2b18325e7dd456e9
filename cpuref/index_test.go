package cpuref_test

import (
	"context"
	"testing"

	"github.com/glipvk/glipvk/cpuref"
	"github.com/glipvk/glipvk/graph"
)

// indexRows are operations that move elements, on 0, 1, 2 and so on.
func indexRows() []opRow {
	return append(mapRows(), []opRow{
		{
			// Two channels of 3 x 3 pixels, 0..8 and 9..17, in patches of 2 x 2: the channel
			// is slowest in a patch, and what is outside the picture is 0.
			kind: "patches", record: on(func(b *graph.Builder, x graph.Value) graph.Value { return b.Patches(x, 2) }, 1, 2, 3, 3),
			inputs: [][]float32{upTo(18)},
			want: []float32{
				0, 1, 3, 4, 9, 10, 12, 13, 2, 0, 5, 0, 11, 0, 14, 0,
				6, 7, 0, 0, 15, 16, 0, 0, 8, 0, 0, 0, 17, 0, 0, 0,
			},
		},
		{
			// 3 x 3 tokens of two channels: the neighbours (0,0) (0,1) (1,0) (1,1) of channel
			// 0, then those of channel 1.
			kind: "mergepatches", record: on(func(b *graph.Builder, x graph.Value) graph.Value { return b.MergePatches(x) }, 1, 3, 3, 2),
			inputs: [][]float32{upTo(18)},
			want: []float32{
				0, 2, 6, 8, 1, 3, 7, 9, 4, 0, 10, 0, 5, 0, 11, 0,
				12, 14, 0, 0, 13, 15, 0, 0, 16, 0, 0, 0, 17, 0, 0, 0,
			},
		},
		{
			// The table of indices for window 2, with 10 more for the second head: tokens
			// (0,0) (0,1) (1,0) (1,1), query minus key, e.g. query 0 and key 1 differ by
			// (0, -1), entry (0+1)*3 + (-1+1) = 3.
			kind: "positionbias", record: on(func(b *graph.Builder, x graph.Value) graph.Value { return b.PositionBias(x, 2) }, 9, 2),
			inputs: [][]float32{{0, 10, 1, 11, 2, 12, 3, 13, 4, 14, 5, 15, 6, 16, 7, 17, 8, 18}},
			want: []float32{
				4, 3, 1, 0, 5, 4, 2, 1, 7, 6, 4, 3, 8, 7, 5, 4,
				14, 13, 11, 10, 15, 14, 12, 11, 17, 16, 14, 13, 18, 17, 15, 14,
			},
		},
		{
			// A map of 4 x 4 rolled by 1. Window 0 was whole before the roll; window 1 holds
			// columns 3 and 0, window 2 rows 3 and 0, window 3 both.
			kind: "shiftmask",
			record: func(b *graph.Builder) graph.Value {
				b.In("x").Input(1)
				return b.In("op").ShiftMask(graph.ShiftMask{Height: 4, Width: 4, Size: 2, Shift: 1})
			},
			inputs: [][]float32{{0}},
			want: []float32{
				0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
				0, -100, 0, -100, -100, 0, -100, 0, 0, -100, 0, -100, -100, 0, -100, 0,
				0, 0, -100, -100, 0, 0, -100, -100, -100, -100, 0, 0, -100, -100, 0, 0,
				0, -100, -100, -100, -100, 0, -100, -100, -100, -100, 0, -100, -100, -100, -100, 0,
			},
		},
		{
			// From 2 samples 0 and 1 to 4, at -1/4, 1/4, 3/4 and 5/4. The kernel at distance
			// 5/4 is -27/256: so much of the only different tap enters at -1/4. At 1/4 enter
			// the kernels of 3/4 and 7/4, (67 - 9)/256. Rows are equal and stay so.
			kind: "resizeposition", about: "2 x 2 to 1 x 4",
			record: on(func(b *graph.Builder, x graph.Value) graph.Value { return b.ResizePosition(x, 1, 4) }, 1, 4, 1),
			inputs: [][]float32{{0, 1, 0, 1}},
			want:   []float32{-27. / 256, 58. / 256, 198. / 256, 283. / 256},
		},
		{
			kind: "resizeposition", about: "to its own size",
			record: on(func(b *graph.Builder, x graph.Value) graph.Value { return b.ResizePosition(x, 3, 3) }, 1, 9, 2),
			inputs: [][]float32{upTo(18)},
			want:   upTo(18),
		},
		{
			kind: "channelsfirst", record: on(func(b *graph.Builder, x graph.Value) graph.Value { return b.ChannelsFirst(x) }, 2, 1, 2, 3),
			inputs: [][]float32{upTo(12)},
			want:   []float32{0, 3, 1, 4, 2, 5, 6, 9, 7, 10, 8, 11},
		},
	}...)
}

// mapRows are those from map to map and between maps and windows.
func mapRows() []opRow {
	return []opRow{
		{
			kind: "pad", record: on(func(b *graph.Builder, x graph.Value) graph.Value { return b.Pad(x, 3, 3) }, 1, 2, 2, 1),
			inputs: [][]float32{{1, 2, 3, 4}},
			want:   []float32{1, 2, 0, 3, 4, 0, 0, 0, 0},
		},
		{
			kind: "crop", record: on(func(b *graph.Builder, x graph.Value) graph.Value { return b.Crop(x, 2, 1) }, 2, 2, 2, 2),
			inputs: [][]float32{upTo(16)},
			want:   []float32{0, 1, 4, 5, 8, 9, 12, 13},
		},
		{
			// out(0, 0) = in(1, 2) = 6 in a map of 3 x 4.
			kind: "roll", record: on(func(b *graph.Builder, x graph.Value) graph.Value { return b.Roll(x, 1, 2) }, 1, 3, 4, 1),
			inputs: [][]float32{upTo(12)},
			want:   []float32{6, 7, 4, 5, 10, 11, 8, 9, 2, 3, 0, 1},
		},
		{
			// out(0, 0) = in(-1, -1) = in(2, 3) = 11.
			kind: "roll", about: "back", record: on(func(b *graph.Builder, x graph.Value) graph.Value { return b.Roll(x, -1, -1) }, 1, 3, 4, 1),
			inputs: [][]float32{upTo(12)},
			want:   []float32{11, 8, 9, 10, 3, 0, 1, 2, 7, 4, 5, 6},
		},
		{
			// Two maps of 2 x 4, so two windows each.
			kind: "windowpartition", record: on(func(b *graph.Builder, x graph.Value) graph.Value { return b.WindowPartition(x, 2) }, 2, 2, 4, 1),
			inputs: [][]float32{upTo(16)},
			want:   []float32{0, 1, 4, 5, 2, 3, 6, 7, 8, 9, 12, 13, 10, 11, 14, 15},
		},
		{
			kind: "windowreverse",
			record: on(func(b *graph.Builder, x graph.Value) graph.Value {
				return b.WindowReverse(x, graph.WindowReverse{Size: 2, Height: 2, Width: 4})
			}, 4, 4, 1),
			inputs: [][]float32{{0, 1, 4, 5, 2, 3, 6, 7, 8, 9, 12, 13, 10, 11, 14, 15}},
			want:   upTo(16),
		},
	}
}

// TestShiftMaskRegions compares with the original's construction: rows and columns
// of the rolled map fall into three classes each, and tokens see each other where
// both classes agree.
func TestShiftMaskRegions(t *testing.T) {
	for _, o := range []graph.ShiftMask{
		{Height: 4, Width: 4, Size: 4, Shift: 2}, {Height: 14, Width: 21, Size: 7, Shift: 3},
		{Height: 12, Width: 6, Size: 6, Shift: 5}, {Height: 9, Width: 6, Size: 3, Shift: 1},
	} {
		b := graph.NewBuilder()
		b.Output(b.In("mask").ShiftMask(o))
		g, err := b.Build()
		if err != nil {
			t.Fatal(err)
		}
		out, err := cpuref.Run(context.Background(), g, nil, cpuref.Options{})
		if err != nil {
			t.Fatal(err)
		}
		class := func(at, length int) int {
			switch {
			case at < length-o.Size:
				return 0
			case at < length-o.Shift:
				return 1
			}
			return 2
		}
		n, across := o.Size*o.Size, o.Width/o.Size
		region := func(window, token int) int {
			row, column := window/across*o.Size+token/o.Size, window%across*o.Size+token%o.Size
			return 3*class(row, o.Height) + class(column, o.Width)
		}
		for i, got := range out[0] {
			window, p, q := i/n/n, i/n%n, i%n
			want := float32(0)
			if region(window, p) != region(window, q) {
				want = -100
			}
			if got != want {
				t.Fatalf("%+v: window %d, tokens %d and %d: %v, want %v", o, window, p, q, got, want)
			}
		}
	}
}
