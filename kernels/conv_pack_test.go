package kernels

import (
	"slices"
	"testing"

	"github.com/glipvk/glipvk/engine"
	"github.com/glipvk/glipvk/graph"
)

// TestConvPacking: the matrix of [N, C, k, k] has taps before channels, and N padded to a vec4.
func TestConvPacking(t *testing.T) {
	w := graph.Shape{3, 4, 1, 2} // element 8n + 2c + tap
	x := make([]float32, w.Elements())
	for i := range x {
		x[i] = float32(i)
	}
	for _, c := range []struct {
		gemm Gemm
		w    graph.Shape
		p    Precision
		want packing
		size int64
	}{
		{direct, w, F32, packing{taps: 2, cols: 4}, 4 * 4 * 8},
		{tiled, w, F16, packing{taps: 2, cols: 4, half: true}, 2 * 4 * 8},
		{uniform, w, F32, packing{taps: 2, cols: 4}, 4 * 4 * 8}, // channels are no multiple of 8
		{uniform, graph.Shape{27, 8, 3, 3}, F16, packing{taps: 9, panels: true, half: true}, 2 * 32 * 72},
		{tiled, graph.Shape{5, 3, 3, 3}, F16, packing{taps: 9}, 4 * 5 * 27},
	} {
		got := Style{Gemm: c.gemm}.convPacking(c.w, c.p)
		if got != c.want || got.bytes(c.w) != c.size {
			t.Errorf("%s %v %s: %+v of %d bytes, want %+v of %d", c.gemm, c.w, c.p, got, got.bytes(c.w), c.want, c.size)
		}
	}
	rows, n := packing{taps: 2, cols: 4}.channelsLast(x, 3)
	want := []float32{0, 2, 4, 6, 1, 3, 5, 7, 8, 10, 12, 14, 9, 11, 13, 15, 16, 18, 20, 22, 17, 19, 21, 23, 0, 0, 0, 0, 0, 0, 0, 0}
	if n != 4 || !slices.Equal(rows, want) {
		t.Errorf("%d rows %v, want %v", n, rows, want)
	}
	if bytes := (packing{taps: 2, cols: 4}).pack(x, 3); int64(len(bytes)) != 4*4*8 {
		t.Errorf("packed to %d bytes", len(bytes))
	}
}

// TestConvTuned: a graphics card measures a linear for a convolution that reads its rows from
// the map and gives it that tile, a software driver measures nothing.
func TestConvTuned(t *testing.T) {
	b := graph.NewBuilder()
	y := b.In("a").Conv(b.In("x").Input(1, 100, 168, 64), 64, 3, graph.Conv{Stride: 1, Pad: 1}, graph.WithBias)
	om := b.In("o").Conv(y, 27, 3, graph.Conv{Stride: 1, Pad: 1}, graph.WithBias)
	b.Output(b.In("d").DeformConv(y, om, 64, 3, graph.DeformConv{Stride: 1, Pad: 1}))
	g, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	for name, s := range Styles() {
		l := newLowerer(g, engine.Info{Caps: engine.Caps{MaxStorageBufferRange: 1 << 27, MaxWorkgroups: [3]int{65535, 65535, 65535}, MaxAllocationBytes: 1 << 40}}, Layout{s, F32})
		list := l.rewrite(Options{})
		all := l.shapes(list)
		if card := s.Gemm == tiled || s.Gemm == coop; !card {
			if len(all) != 0 {
				t.Errorf("%s measures %v", name, all)
			}
			continue
		}
		key := "4096x64x576 norm=false rows=3"
		if len(all) != 1 || all[0].String() != key {
			t.Errorf("%s measures %v, want %s alone", name, all, key)
			continue
		}
		won := s.tiles(all[0])[3]
		l.measured = map[string]Tile{key: won}
		if err := l.plan(list, Options{}); err != nil {
			t.Fatal(err)
		}
		if err := l.lowerAll(list); err != nil {
			t.Fatal(err)
		}
		took := 0
		for _, x := range l.list {
			if slices.Equal(x.constants[6:], won.constants) {
				took++
			}
		}
		if took != 2 {
			t.Errorf("%s: %d dispatches take the tile that won, want 2", name, took)
		}
	}
}
