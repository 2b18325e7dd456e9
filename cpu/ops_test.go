package cpu_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/glipvk/glipvk/cpu"
	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/internal/gradrows"
)

// opCase is one operation on operands of one size.
type opCase struct {
	kind   string
	name   string
	bound  bound
	record func(b *graph.Builder)
}

// unary records an operation with one input.
func unary(f func(b *graph.Builder, x graph.Value) graph.Value, shape ...int) func(b *graph.Builder) {
	return func(b *graph.Builder) { b.Output(f(b.In("op"), b.In("x").Input(shape...))) }
}

var (
	exact   = bound{}
	rounded = bound{1e-6, 5e-6} // sums of up to thousands of float32 products
	fine    = bound{3e-7, 1e-6} // a few roundings
)

func opCases() []opCase {
	return slices.Concat(linearCases(), rowCases(), moveCases(), windowCases(), detectorCases())
}

// linearCases are at, below and above the sizes of tiles (4, 6 and 14 rows; 4, 16 and 32
// columns), of blocks along K (384), and the shapes of Swin.
func linearCases() []opCase {
	var list []opCase
	add := func(m, n, k int) {
		list = append(list, opCase{"linear", fmt.Sprint(m, n, k), rounded, unary(func(b *graph.Builder, x graph.Value) graph.Value {
			return b.Linear(x, n, graph.Bias(n%2 == 1 || n%16 == 0))
		}, m, k)})
	}
	for _, m := range []int{1, 3, 4, 5, 6, 7, 13, 14, 15, 29, 65} {
		for _, n := range []int{1, 3, 4, 5, 15, 16, 17, 31, 32, 33, 65} {
			add(m, n, 1+(m*n)%11)
		}
	}
	for _, k := range []int{1, 2, 3, 4, 5, 16, 48, 383, 384, 385, 769, 1024} {
		add(17, 35, k)
	}
	for _, s := range [][3]int{{197, 101, 131}, {3136, 96, 48}, {784, 192, 192}, {196, 384, 768}, {49, 768, 3072}} {
		add(s[0], s[1], s[2])
	}
	return append(list,
		opCase{"linear", "weight of a convolution", rounded, unary(func(b *graph.Builder, x graph.Value) graph.Value {
			return b.LinearOf(x, b.Param("weight", 7, 3, 2, 2), graph.WithBias)
		}, 2, 5, 12)},
		opCase{"linear", "weight that is computed", rounded, func(b *graph.Builder) {
			w := b.In("w").GELU(b.In("weight").Input(37, 19))
			b.Output(b.In("op").LinearOf(b.In("x").Input(15, 19), w, graph.WithBias))
		}},
		opCase{"linear", "weight that is read twice", rounded, func(b *graph.Builder) {
			w := b.In("op").Param("weight", 16, 16)
			b.Output(b.In("op").LinearOf(b.In("x").Input(15, 16), w, graph.NoBias))
			b.Output(b.In("sum").Add(w, w))
			b.Output(w)
		}},
	)
}

func rowCases() []opCase {
	var list []opCase
	for _, n := range []int{1, 2, 15, 16, 17, 31, 49, 96, 97, 144, 384, 1536} {
		for _, rows := range []int{1, 5, 67} {
			name := fmt.Sprint(rows, n)
			list = append(list,
				opCase{"layernorm", name, bound{1e-5, 1e-5}, unary(func(b *graph.Builder, x graph.Value) graph.Value {
					return b.LayerNorm(x, 1e-5)
				}, rows, n)},
				opCase{"softmax", name, bound{1e-6, 1e-6}, unary(func(b *graph.Builder, x graph.Value) graph.Value { return b.Softmax(x) }, rows, n)},
				opCase{"gelu", name, fine, unary(func(b *graph.Builder, x graph.Value) graph.Value { return b.GELU(x) }, rows, n)},
				opCase{"add", name, exact, func(b *graph.Builder) { b.Output(b.In("op").Add(b.In("a").Input(rows, n), b.In("b").Input(rows, n))) }},
			)
		}
	}
	for _, s := range [][2][]int{
		{{6, 4, 49, 49}, {4, 49, 49}}, {{6, 4, 49, 49}, {3, 1, 49, 49}}, {{4, 6}, {3}}, {{4, 6}, {2, 3}}, {{4, 16}, {16}}, {{5}, {1}}, {{4, 64, 64}, {4, 64, 64}},
	} {
		list = append(list, opCase{"add", fmt.Sprint(s), exact, func(b *graph.Builder) {
			b.Output(b.In("op").Add(b.In("a").Input(s[0]...), b.In("b").Input(s[1]...)))
		}})
	}
	return list
}

func moveCases() []opCase {
	var list []opCase
	add := func(kind string, f func(b *graph.Builder, x graph.Value) graph.Value, shape ...int) {
		list = append(list, opCase{kind, fmt.Sprint(shape, len(list)), exact, unary(f, shape...)})
	}
	for _, c := range []int{1, 3, 96} {
		add("pad", func(b *graph.Builder, x graph.Value) graph.Value { return b.Pad(x, 7, 9) }, 2, 5, 9, c)
		add("pad", func(b *graph.Builder, x graph.Value) graph.Value { return b.Pad(x, 5, 9) }, 2, 5, 9, c)
		add("crop", func(b *graph.Builder, x graph.Value) graph.Value { return b.Crop(x, 3, 8) }, 2, 5, 9, c)
		add("crop", func(b *graph.Builder, x graph.Value) graph.Value { return b.Crop(x, 5, 9) }, 2, 5, 9, c)
		add("roll", func(b *graph.Builder, x graph.Value) graph.Value { return b.Roll(x, 2, 3) }, 2, 5, 9, c)
		add("roll", func(b *graph.Builder, x graph.Value) graph.Value { return b.Roll(x, -4, -1) }, 2, 5, 9, c)
		add("roll", func(b *graph.Builder, x graph.Value) graph.Value { return b.Roll(x, 0, 0) }, 1, 1, 1, c)
		add("windowpartition", func(b *graph.Builder, x graph.Value) graph.Value { return b.WindowPartition(x, 3) }, 2, 6, 9, c)
		add("windowpartition", func(b *graph.Builder, x graph.Value) graph.Value { return b.WindowPartition(x, 1) }, 2, 2, 3, c)
		add("windowreverse", func(b *graph.Builder, x graph.Value) graph.Value {
			return b.WindowReverse(x, graph.WindowReverse{Size: 3, Height: 6, Width: 9})
		}, 12, 9, c)
		add("mergepatches", func(b *graph.Builder, x graph.Value) graph.Value { return b.MergePatches(x) }, 2, 5, 6, c)
		add("mergepatches", func(b *graph.Builder, x graph.Value) graph.Value { return b.MergePatches(x) }, 1, 1, 1, c)
		add("channelsfirst", func(b *graph.Builder, x graph.Value) graph.Value { return b.ChannelsFirst(x) }, 2, 9, 13, c)
		add("channelsfirst", func(b *graph.Builder, x graph.Value) graph.Value { return b.ChannelsFirst(x) }, 1, 1, 1, c)
		add("patches", func(b *graph.Builder, x graph.Value) graph.Value { return b.Patches(x, 4) }, 2, c, 9, 14)
		add("patches", func(b *graph.Builder, x graph.Value) graph.Value { return b.Patches(x, 1) }, 1, c, 1, 3)
		add("patches", func(b *graph.Builder, x graph.Value) graph.Value { return b.Patches(x, 7) }, 1, c, 2, 3)
	}
	return list
}

func windowCases() []opCase {
	var list []opCase
	for w := 1; w <= 12; w++ {
		heads := 1 + w%3
		list = append(list, opCase{"positionbias", fmt.Sprint(w), exact, unary(func(b *graph.Builder, x graph.Value) graph.Value {
			return b.PositionBias(x, w)
		}, (2*w-1)*(2*w-1), heads)})
		if w > 1 {
			list = append(list, opCase{"shiftmask", fmt.Sprint(w), exact, func(b *graph.Builder) {
				b.Output(b.In("op").ShiftMask(graph.ShiftMask{Height: 2 * w, Width: 3 * w, Size: w, Shift: w / 2}))
			}})
		}
	}
	for _, s := range [][4]int{{1, 1, 1, 1}, {2, 4, 2, 3}, {3, 49, 3, 32}, {2, 49, 1, 24}, {1, 144, 2, 32}, {2, 16, 3, 16}, {1, 17, 2, 33}, {1, 33, 1, 64}, {1, 9, 2, 400}} {
		groups, n, heads, d := s[0], s[1], s[2], s[3]
		list = append(list,
			opCase{"scores", fmt.Sprint(s), rounded, unary(func(b *graph.Builder, x graph.Value) graph.Value {
				return b.Scores(x, graph.Scores{Heads: heads, Scale: 0.37})
			}, groups, n, 3*heads*d)},
			opCase{"context", fmt.Sprint(s), rounded, func(b *graph.Builder) {
				p := b.In("p").Input(groups, heads, n, n)
				b.Output(b.In("op").Context(p, b.In("qkv").Input(groups, n, 3*heads*d), heads))
			}},
		)
	}
	for _, s := range [][3]int{{1, 1, 1}, {2, 3, 5}, {5, 5, 5}, {7, 3, 9}} {
		list = append(list, opCase{"resizeposition", fmt.Sprint(s), bound{1e-6, 2e-6}, unary(func(b *graph.Builder, x graph.Value) graph.Value {
			return b.ResizePosition(x, s[1], s[2])
		}, 1, s[0]*s[0], 6)})
	}
	return list
}

// TestOps compares every case with the oracle, in every set of instructions, on ordinary
// numbers and on numbers that are none.
func TestOps(t *testing.T) {
	tested := map[string]bool{}
	for _, c := range opCases() {
		tested[c.kind] = true
		t.Run(c.kind+"/"+c.name, func(t *testing.T) {
			g := build(t, c.record)
			// Millions of multiply-adds take long in plain Go under the race detector, and find nothing
			// there that fewer do not.
			large := g.Count().MultiplyAdds > 10e6
			fills := []filler{normal, wild}
			if large {
				fills = fills[:1]
			}
			for _, fill := range fills {
				src := tensors{fill}
				inputs := src.inputs(t, g)
				want := oracle(t, g, src, nil, inputs...)
				for _, name := range cpu.Available() {
					if large && name == cpu.Portable {
						continue
					}
					testOp(t, compile(t, g, src, name, cpu.Options{Workers: 3}), string(name), g, inputs, want, c.bound)
				}
			}
		})
	}
	for _, r := range gradrows.Rows() { // TestGradients
		tested[graph.Kind(r.Op)] = true
	}
	for _, op := range graph.Kinds() {
		if !tested[graph.Kind(op)] {
			t.Errorf("operation %q has no case", graph.Kind(op))
		}
	}
}

// testOp runs a program three times into memory full of NaN.
func testOp(t *testing.T, p *cpu.Program, name string, g *graph.Graph, inputs, want [][]float32, b bound) {
	t.Helper()
	before := make([][]float32, len(inputs))
	for i := range inputs {
		before[i] = slices.Clone(inputs[i])
	}
	var first [][]float32
	for range 3 {
		got := poison(g, g.Outputs)
		if err := p.RunInto(t.Context(), got, inputs...); err != nil {
			t.Fatal(err)
		}
		for i := range want {
			same(t, name, got[i], want[i], b)
			if first != nil {
				same(t, name+" again", got[i], first[i], exact)
			}
		}
		first = got
	}
	for i := range inputs {
		same(t, name+": input", inputs[i], before[i], exact)
	}
}
