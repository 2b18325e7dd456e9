package swin

import (
	"math"
	"slices"
	"testing"
)

// TestGeometricNodes: figures found by running mmpretrain (models/utils/embed.py).
func TestGeometricNodes(t *testing.T) {
	want := []float64{0, 1, 2.240724, 3.780120, 5.690085, 8.059825, 11.000019}
	nodes := geometricNodes(13, 23)
	for k, w := range want {
		if !(math.Abs(nodes[6+k]-w) <= 1e-5) || nodes[6-k] != -nodes[6+k] {
			t.Errorf("node %d is %v and %v, want ±%v", k, nodes[6+k], nodes[6-k], w)
		}
	}
	shrunk := geometricNodes(23, 13)
	if q := shrunk[13] - shrunk[12]; !(math.Abs(q-1.0100009) <= 1e-6) {
		t.Errorf("23 to 13: q is %v, want 1.0100009, the lower bound", q)
	}
}

// TestSplineReproducesCubics: the not-a-knot spline of a cubic is that cubic, in
// each axis; a natural or clamped spline would miss by far.
func TestSplineReproducesCubics(t *testing.T) {
	f := func(x, y float64) float64 { return (1 + x - 0.3*x*x + 0.02*x*x*x) * (2 - y + 0.05*y*y*y) }
	const heads = 3
	for _, sides := range [][2]int{{13, 23}, {23, 13}, {7, 11}, {5, 31}} {
		src, dst := sides[0], sides[1]
		nodes := geometricNodes(src, dst)
		table := make([]float32, src*src*heads)
		for r := range src {
			for c := range src {
				for h := range heads {
					table[(r*src+c)*heads+h] = float32(float64(h) * f(nodes[r], nodes[c]))
				}
			}
		}
		got := ResizeTableGeometric(table, heads, src, dst)
		if len(got) != dst*dst*heads {
			t.Fatalf("%d elements", len(got))
		}
		scale := 0.0
		for _, v := range table {
			scale = max(scale, math.Abs(float64(v)))
		}
		clamp := func(i int) float64 { return min(max(float64(i-dst/2), nodes[0]), nodes[src-1]) }
		for i, v := range got {
			r, c, h := i/heads/dst, i/heads%dst, i%heads
			want := float64(h) * f(clamp(r), clamp(c))
			if !(math.Abs(float64(v)-want) <= 1e-6*scale) {
				t.Fatalf("%d to %d, row %d column %d head %d: %v, want %v", src, dst, r, c, h, v, want)
			}
		}
	}
}

// TestSplineSmall: three nodes give the parabola, one a constant, and the spline
// passes through its nodes.
func TestSplineSmall(t *testing.T) {
	x, y := []float64{-2, 0, 1}, []float64{4, 0, 1}
	slopes := splineSlopes(x, y)
	for _, at := range []float64{-2, -1, 0.5, 1} {
		if got := hermite(x, y, slopes, at); !(math.Abs(got-at*at) <= 1e-12) {
			t.Errorf("at %v: %v", at, got)
		}
	}
	if got := ResizeTableGeometric([]float32{5}, 1, 1, 3); !slices.Equal(got, []float32{5, 5, 5, 5, 5, 5, 5, 5, 5}) {
		t.Errorf("a constant became %v", got)
	}
	nodes := []float64{-3, -1, 0, 2, 5, 6}
	op := splineOperator(nodes, nodes)
	for i := range op {
		for j := range op[i] {
			want := 0.0
			if i == j {
				want = 1
			}
			if !(math.Abs(op[i][j]-want) <= 1e-12) {
				t.Errorf("at node %d, of node %d: %v", i, j, op[i][j])
			}
		}
	}
}

// TestBicubicOperator: weights by hand. From 2 samples to 4, d = 1 lies at 0.25:
// taps -1, 0, 1, 2 with A = -0.75 weigh -27/256, 225/256, 67/256, -9/256 and the
// outer two are clamped to the edge.
func TestBicubicOperator(t *testing.T) {
	op := bicubicOperator(2, 4)
	want := []float64{(-27.0 + 225) / 256, (67.0 - 9) / 256}
	for j, w := range want {
		if !(math.Abs(op[1][j]-w) <= 1e-12) || !(math.Abs(op[2][1-j]-w) <= 1e-12) {
			t.Errorf("tap %d weighs %v and %v, want %v", j, op[1][j], op[2][1-j], w)
		}
	}
	for _, sides := range [][2]int{{13, 23}, {23, 13}, {7, 7}} {
		for d, row := range bicubicOperator(sides[0], sides[1]) {
			sum := 0.0
			for _, w := range row {
				sum += w
			}
			if !(math.Abs(sum-1) <= 1e-12) {
				t.Errorf("%v: weights of %d sum to %v", sides, d, sum)
			}
		}
	}
}

// TestResizeSeparates: heads do not mix, rows and columns are not swapped, and a
// table of the right size is copied.
func TestResizeSeparates(t *testing.T) {
	const src, dst, heads = 5, 9, 2
	table := make([]float32, src*src*heads)
	for r := range src {
		for c := range src {
			table[(r*src+c)*heads] = float32(r) // head 0 varies by row only
			table[(r*src+c)*heads+1] = 7
		}
	}
	for name, resize := range map[string]func([]float32, int, int, int) []float32{
		"geometric": ResizeTableGeometric, "bicubic": ResizeTableBicubic,
	} {
		got := resize(table, heads, src, dst)
		for r := range dst {
			for c := range dst {
				row, first := got[(r*dst+c)*heads], got[r*dst*heads]
				if !(math.Abs(float64(row-first)) <= 1e-5) || !(math.Abs(float64(got[(r*dst+c)*heads+1]-7)) <= 1e-5) {
					t.Fatalf("%s: row %d column %d: %v", name, r, c, got[(r*dst+c)*heads:][:heads])
				}
			}
			if r > 0 && !(got[r*dst*heads] >= got[(r-1)*dst*heads]) {
				t.Errorf("%s: row %d is below the row before", name, r)
			}
		}
		same := resize(table, heads, src, src)
		if !slices.Equal(same, table) {
			t.Errorf("%s: a table of the right size changed", name)
		}
		same[0] = -1
		if table[0] == -1 {
			t.Errorf("%s: the result shares memory with the table", name)
		}
	}
}

// TestMergeOrder: for C = 1 Microsoft's order (0,0) (1,0) (0,1) (1,1) becomes
// (0,0) (0,1) (1,0) (1,1); for C = 2 by hand.
func TestMergeOrder(t *testing.T) {
	got := []float32{0, 1, 2, 3}
	if mergeOrder(1)(got); !slices.Equal(got, []float32{0, 2, 1, 3}) {
		t.Errorf("C = 1: %v", got)
	}
	got = []float32{0, 1, 2, 3, 4, 5, 6, 7, 10, 11, 12, 13, 14, 15, 16, 17}
	mergeOrder(2)(got)
	want := []float32{0, 4, 2, 6, 1, 5, 3, 7, 10, 14, 12, 16, 11, 15, 13, 17}
	if !slices.Equal(got, want) {
		t.Errorf("C = 2: %v, want %v", got, want)
	}
}

// TestMatch: anchored patterns, plain numbers.
func TestMatch(t *testing.T) {
	for _, tc := range []struct {
		key, pattern string
		want         captures
		ok           bool
	}{
		{"stages.2.blocks.17.norm1.bias", "stages.S.blocks.B.norm1.*", captures{2, 17, -1, "bias"}, true},
		{"stages.02.blocks.1.norm1.bias", "stages.S.blocks.B.norm1.*", captures{}, false},
		{"stages.+2.blocks.1.norm1.bias", "stages.S.blocks.B.norm1.*", captures{}, false},
		{"stages.8.blocks.1.norm1.bias", "stages.S.blocks.B.norm1.*", captures{}, false},
		{"stages.2.blocks.1000.norm1.bias", "stages.S.blocks.B.norm1.*", captures{}, false},
		{"stages.2.blocks.1.norm1.running_mean", "stages.S.blocks.B.norm1.*", captures{}, false},
		{"stages.2.blocks.1.norm1.bias.x", "stages.S.blocks.B.norm1.*", captures{}, false},
		{"stages.2.blocks.1.norm1", "stages.S.blocks.B.norm1.*", captures{}, false},
		{"layers.3.downsample.norm.weight", "layers.S+1.downsample.norm.*", captures{2, -1, -1, "weight"}, true},
		{"layers.0.downsample.norm.weight", "layers.S+1.downsample.norm.*", captures{}, false},
		{"features.7.1.norm1.bias", "features.2S+1.B.norm1.*", captures{3, 1, -1, "bias"}, true},
		{"features.6.1.norm1.bias", "features.2S+1.B.norm1.*", captures{}, false},
		{"features.6.norm.bias", "features.2S+2.norm.*", captures{2, -1, -1, "bias"}, true},
		{"features.0.norm.bias", "features.2S+2.norm.*", captures{}, false},
		{"norm3.weight", "normN.*", captures{-1, -1, 3, "weight"}, true},
		{"norm.weight", "normN.*", captures{}, false},
		{"hidden_states_norms.stage4.bias", "hidden_states_norms.stageN+1.*", captures{-1, -1, 3, "bias"}, true},
		{"hidden_states_norms.stage0.bias", "hidden_states_norms.stageN+1.*", captures{}, false},
		{"head.fc.weight", "head.**", captures{-1, -1, -1, ""}, true},
		{"head", "head.**", captures{}, false},
		{"header.fc", "head.**", captures{}, false},
	} {
		got, ok := match(tc.key, tc.pattern)
		if ok != tc.ok || ok && got != tc.want {
			t.Errorf("%s against %s: %+v, %v; want %+v, %v", tc.key, tc.pattern, got, ok, tc.want, tc.ok)
		}
	}
}
