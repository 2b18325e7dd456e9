package kernels_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/kernels"
	"github.com/glipvk/glipvk/vulkan"
)

// TestStepsGolden shows what is joined in the shifted block of a micro Swin: pad, roll
// and partition; bias, mask and softmax; reverse, roll and crop; GELU and both residuals
// with their products. UPDATE=1 writes testdata/steps.txt anew.
func TestStepsGolden(t *testing.T) {
	g := micro(t, 4, 61, 45, 1)
	var lines []string
	for _, line := range kernels.Steps(g, true) {
		if strings.HasPrefix(line, "stages.1.") {
			lines = append(lines, line)
		}
	}
	got := strings.Join(lines, "\n") + "\n"
	const file = "testdata/steps.txt"
	if os.Getenv("UPDATE") == "1" {
		if err := os.WriteFile(file, []byte(got), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("-want +got\n%s", d)
	}
}

// TestKeptValuesStay keeps each value in turn, and all: a step must still make it, or
// it must be another value's memory.
func TestKeptValuesStay(t *testing.T) {
	g := micro(t, 4, 30, 30, 1)
	made := func(lines []string, path string) bool {
		return slices.ContainsFunc(lines, func(l string) bool {
			return strings.HasPrefix(l, path+" = ") || strings.HasPrefix(l, path+" is ")
		})
	}
	var all []graph.ID
	for i, n := range g.Nodes {
		if len(n.Inputs) == 0 && graph.Kind(n.Op) != "shiftmask" {
			continue
		}
		all = append(all, graph.ID(i))
		if lines := kernels.Steps(g, true, graph.ID(i)); !made(lines, n.Path) {
			t.Errorf("%s was kept and is not made", n.Path)
		}
	}
	lines := kernels.Steps(g, true, all...)
	for _, id := range all {
		if path := g.Nodes[id].Path; !made(lines, path) {
			t.Errorf("%s was kept with all others and is not made", path)
		}
	}
}

// fusable are small graphs that a careless rewrite would get wrong.
func fusable() map[string]func(b *graph.Builder) {
	attention := func(b *graph.Builder, heads int) graph.Value {
		return b.In("scores").Input(8, heads, 16, 16)
	}
	mask := graph.ShiftMask{Height: 8, Width: 8, Size: 4, Shift: 2}
	return map[string]func(b *graph.Builder){
		"bias of fewer heads tiled over heads": func(b *graph.Builder) {
			bias := b.In("bias").PositionBias(b.Param("table", 49, 2), 4)
			b.Output(b.In("p").Softmax(b.In("sum").Add(attention(b, 4), bias)))
		},
		"bias over three axes": func(b *graph.Builder) {
			bias := b.In("bias").PositionBias(b.Param("table", 49, 3), 4)
			b.Output(b.In("p").Softmax(b.In("sum").Add(b.In("scores").Input(6, 16, 16), bias)))
		},
		"mask before bias": func(b *graph.Builder) {
			bias := b.In("bias").PositionBias(b.Param("table", 49, 2), 4)
			s := b.In("masked").Add(attention(b, 2), b.In("mask").ShiftMask(mask))
			b.Output(b.In("p").Softmax(b.In("sum").Add(s, bias)))
		},
		"mask alone": func(b *graph.Builder) {
			b.Output(b.In("p").Softmax(b.In("masked").Add(attention(b, 3), b.In("mask").ShiftMask(mask))))
		},
		"mask of windows over heads": func(b *graph.Builder) { // [4, 1, 16, 16] over [4, 16, 16] of another meaning
			s := b.In("scores").Input(4, 2, 16, 16)
			m := b.In("mask").ShiftMask(graph.ShiftMask{Height: 4, Width: 8, Size: 4, Shift: 1})
			b.Output(b.In("p").Softmax(b.In("masked").Add(s, m)))
		},
		"sum read twice": func(b *graph.Builder) {
			bias := b.In("bias").PositionBias(b.Param("table", 49, 2), 4)
			sum := b.In("sum").Add(attention(b, 2), bias)
			b.Output(b.In("p").Softmax(sum))
			b.Output(b.In("twice").Add(sum, sum))
		},
		"bias read twice": func(b *graph.Builder) {
			bias := b.In("bias").PositionBias(b.Param("table", 49, 2), 4)
			b.Output(b.In("p").Softmax(b.In("sum").Add(attention(b, 2), bias)))
			b.Output(b.In("q").Softmax(b.In("sum2").Add(b.In("other").Input(3, 2, 16, 16), bias)))
		},
		"softmax of a softmax": func(b *graph.Builder) {
			bias := b.In("bias").PositionBias(b.Param("table", 49, 2), 4)
			p := b.In("p").Softmax(b.In("sum").Add(attention(b, 2), bias))
			b.Output(b.In("q").Softmax(b.In("sum2").Add(p, b.In("mask").ShiftMask(mask))))
		},
		"residual of itself": func(b *graph.Builder) {
			y := b.In("y").Linear(b.In("x").Input(9, 16), 16, graph.WithBias)
			b.Output(b.In("z").Add(y, y))
		},
		"residual tiled": func(b *graph.Builder) {
			y := b.In("y").Linear(b.In("x").Input(3, 16), 16, graph.WithBias)
			b.Output(b.In("z").Add(b.In("w").Input(9, 16), y))
		},
		"product first, GELU after the sum": func(b *graph.Builder) {
			x := b.In("x").Input(9, 16)
			z := b.In("z").Add(x, b.In("y").Linear(x, 16, graph.NoBias))
			b.Output(b.In("g").GELU(z))
		},
		"GELU then residual": func(b *graph.Builder) {
			x := b.In("x").Input(9, 16)
			b.Output(b.In("z").Add(x, b.In("g").GELU(b.In("y").Linear(x, 16, graph.WithBias))))
		},
		"two residuals": func(b *graph.Builder) {
			x := b.In("x").Input(9, 16)
			z := b.In("z").Add(x, b.In("y").Linear(x, 16, graph.WithBias))
			b.Output(b.In("zz").Add(b.In("v").Input(9, 16), z))
		},
		"roll, roll, crop, pad, partition": func(b *graph.Builder) {
			x := b.In("r1").Roll(b.In("x").Input(2, 9, 10, 8), 2, -3)
			x = b.In("r2").Roll(x, -1, 4)
			x = b.In("c").Crop(x, 7, 9)
			x = b.In("p").Pad(x, 8, 12)
			x = b.In("r3").Roll(x, 2, 2)
			b.Output(b.In("w").WindowPartition(x, 4))
		},
		"roll before pad": func(b *graph.Builder) {
			x := b.In("r").Roll(b.In("x").Input(2, 6, 7, 8), 2, 3)
			b.Output(b.In("w").WindowPartition(b.In("p").Pad(x, 8, 8), 4))
		},
		"pad, crop, partition": func(b *graph.Builder) {
			x := b.In("p").Pad(b.In("x").Input(1, 6, 7, 8), 12, 12)
			b.Output(b.In("w").WindowPartition(b.In("c").Crop(x, 8, 8), 4))
		},
		"crop, roll, partition": func(b *graph.Builder) {
			x := b.In("c").Crop(b.In("x").Input(2, 10, 11, 8), 8, 8)
			b.Output(b.In("w").WindowPartition(b.In("r").Roll(x, 3, 1), 4))
		},
		"reverse, crop, roll": func(b *graph.Builder) {
			x := b.In("v").WindowReverse(b.In("x").Input(4, 16, 8), graph.WindowReverse{Size: 4, Height: 8, Width: 8})
			b.Output(b.In("r").Roll(b.In("c").Crop(x, 6, 7), 2, 3))
		},
		"reverse, roll, roll, crop, pad": func(b *graph.Builder) {
			x := b.In("v").WindowReverse(b.In("x").Input(8, 16, 8), graph.WindowReverse{Size: 4, Height: 8, Width: 8})
			x = b.In("r2").Roll(b.In("r1").Roll(x, 2, 3), -3, 1)
			b.Output(b.In("p").Pad(b.In("c").Crop(x, 6, 7), 7, 9))
		},
		"nothing moves": func(b *graph.Builder) {
			x := b.In("c").Crop(b.In("p").Pad(b.In("x").Input(2, 4, 4, 8), 4, 4), 4, 4)
			w := b.In("w").WindowPartition(x, 4)
			b.Output(w)
			b.Output(b.In("v").WindowReverse(w, graph.WindowReverse{Size: 4, Height: 4, Width: 4}))
		},
		"unread": func(b *graph.Builder) {
			x := b.In("x").Input(4, 8)
			b.In("lost").GELU(b.In("more").GELU(x))
			b.Output(b.In("y").GELU(x))
			b.Output(x)
		},
	}
}

// TestFusionKeepsMeaning compares graphs that invite mistakes, joined and not, with the oracle.
func TestFusionKeepsMeaning(t *testing.T) {
	d := device(t)
	for name, record := range fusable() {
		t.Run(name, func(t *testing.T) {
			g := build(t, record)
			s := tensors{uniform, seed}
			want := oracle(t, g, s)
			for _, apart := range []bool{true, false} {
				p := compile(t, d, g, s, vulkan.Options{NoFusion: apart})
				for i, got := range run(t, p, s.inputs(g)...) {
					if err := (bound{8 * ulp, 8 * ulp, 8 * ulp}).check(got, want[i]); err != nil {
						t.Errorf("seed %d, apart %v, output %d: %v\n%s", s.seed, apart, i, err, strings.Join(kernels.Steps(g, !apart), "\n"))
					}
				}
			}
		})
	}
}
