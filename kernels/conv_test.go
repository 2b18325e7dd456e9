package kernels_test

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/glipvk/glipvk/engine"
	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/kernels"
	"github.com/glipvk/glipvk/vulkan"
)

// convCase is a convolution of x [batch, h, w, c] to n channels with a kernel of side k.
type convCase struct {
	batch, h, w, c, n, k, stride, pad int
	omH, omW                          int // map of offsets and masks, 0 for none
	card                              bool
}

func (c convCase) record(b *graph.Builder) {
	x := b.In("x").Input(c.batch, c.h, c.w, c.c)
	if c.omH > 0 {
		om := b.In("om").Input(c.batch, c.omH, c.omW, 3*c.k*c.k)
		b.Output(b.In("y").DeformConv(x, om, c.n, c.k, graph.DeformConv{Stride: c.stride, Pad: c.pad}))
		return
	}
	b.Output(b.In("y").Conv(x, c.n, c.k, graph.Conv{Stride: c.stride, Pad: c.pad}, graph.Bias(c.n%2 == 0)))
}

func (c convCase) op() opCase {
	o := opCase{op: "conv", name: fmt.Sprintf("%dx%dx%dx%d to %d, kernel %d, stride %d, padding %d", c.batch, c.h, c.w, c.c, c.n, c.k, c.stride, c.pad),
		bound: product(c.c * c.k * c.k), card: c.card, record: c.record}
	if c.omH > 0 {
		// A place has the rounding of its coordinates, and a sample is a sum of four.
		o.op, o.name, o.fill = "deformconv", fmt.Sprintf("%s, offsets %dx%d", o.name, c.omH, c.omW), offsets
		o.bound = product(8 * c.c * c.k * c.k)
	}
	return o
}

// offsets are up to 4 either way, so that some samples lie beyond each border and some wholly; masks too.
func offsets(rng *rand.Rand, path string, data []float32) {
	uniform(rng, path, data)
	if path == "om" {
		for i := range data {
			data[i] *= 4
		}
	}
}

// convCases have channels and outputs that are multiples of 32, 8, 4 and 1 and that are not, kernels
// of 1 to 5, both strides, maps smaller than the kernel, more rows than one workgroup or dispatch makes.
func convCases() []opCase {
	var list []opCase
	for _, c := range []convCase{
		{1, 7, 5, 8, 4, 3, 1, 1, 0, 0, true},
		{2, 6, 9, 16, 32, 3, 1, 1, 0, 0, false},
		{1, 9, 11, 32, 27, 3, 2, 1, 0, 0, false},
		{2, 8, 5, 12, 36, 3, 2, 1, 0, 0, false},
		{1, 5, 6, 3, 5, 3, 1, 1, 0, 0, false},
		{2, 7, 7, 20, 33, 2, 2, 0, 0, 0, false},
		{1, 6, 6, 8, 40, 5, 1, 2, 0, 0, false},
		{2, 4, 7, 16, 1, 1, 1, 0, 0, 0, false},
		{1, 9, 4, 64, 68, 1, 1, 0, 0, 0, false},
		{1, 9, 4, 64, 64, 1, 2, 0, 0, 0, false},
		{1, 1, 1, 8, 8, 3, 1, 1, 0, 0, false},
		{2, 7, 6, 32, 40, 3, 1, 1, 0, 0, false},
		{1, 5, 6, 128, 12, 3, 1, 1, 0, 0, false}, // multiplied in two parts along K
		{1, 49, 31, 8, 8, 3, 1, 1, 0, 0, false},
		{1, 20, 30, 4, 16, 3, 1, 1, 0, 0, false},
	} {
		list = append(list, c.op())
	}
	return list
}

// deformCases have maps of offsets as large as the output, and larger.
func deformCases() []opCase {
	var list []opCase
	for _, c := range []convCase{
		{1, 7, 5, 8, 4, 3, 1, 1, 7, 5, true},
		{2, 6, 9, 16, 32, 3, 1, 1, 6, 9, false},
		{1, 9, 11, 32, 27, 3, 2, 1, 5, 6, false},
		{2, 9, 11, 32, 36, 3, 2, 1, 9, 11, false},
		{1, 5, 6, 3, 5, 3, 1, 1, 9, 12, false},
		{2, 5, 7, 12, 8, 3, 1, 1, 10, 13, false},
		{2, 5, 7, 24, 8, 3, 1, 1, 5, 8, false},
		{1, 8, 6, 8, 40, 1, 1, 0, 8, 6, false},
		{1, 5, 6, 132, 27, 3, 1, 1, 5, 6, false},
		{1, 12, 12, 4, 40, 3, 1, 1, 12, 12, false},
		{1, 49, 31, 8, 8, 3, 1, 1, 50, 32, false},
	} {
		list = append(list, c.op())
	}
	return list
}

// TestConvVariants compares convolutions with the oracle in every style that the device can
// run, in both precisions.
func TestConvVariants(t *testing.T) {
	d := device(t)
	ways := map[string]vulkan.UploadOptions{"tiled": {Variant: "tiled"}, "direct": {Variant: "direct"}, "uniform": {Variant: "uniform"},
		"coop": {Variant: "coop"}}
	maps.DeleteFunc(ways, func(way string, _ vulkan.UploadOptions) bool { return refuses(d.Info(), way) != nil })
	for _, c := range append(convCases(), deformCases()...) {
		t.Run(c.String(), func(t *testing.T) {
			g := build(t, c.record)
			s := c.tensors()
			want := oracle(t, g, s)[0]
			for way, u := range ways {
				card := way == "tiled" || way == "coop"
				if card && !strings.Contains(c.name, "x32 to ") { // read from the map; a software driver compiles those for long
					continue
				}
				for _, precision := range []kernels.Precision{kernels.F32, kernels.F16} {
					if way == "coop" && precision == kernels.F32 { // as tiled
						continue
					}
					u.Precision = precision
					bound := c.bound
					if precision == kernels.F16 {
						bound = halfBound
					}
					if err := bound.check(run(t, compileAs(t, d, g, s, u, vulkan.Options{}), s.inputs(g)...)[0], want); err != nil {
						t.Errorf("seed %d, %s %s: %v", s.seed, way, precision, err)
					}
				}
			}
		})
	}
}

// TestConvMistakes shows that the bounds mean something: each wrong convolution, built from the same
// weights and inputs, is told from the right one.
func TestConvMistakes(t *testing.T) {
	d := device(t)
	const taps, h, w = 9, 6, 7
	conv := convCase{batch: 2, h: h, w: w, c: 8, n: 8, k: 3, stride: 1, pad: 1}.op()
	deform := convCase{batch: 2, h: h, w: w, c: 8, n: 8, k: 3, stride: 1, pad: 1, omH: h, omW: w}.op()
	larger := convCase{batch: 2, h: h, w: w, c: 8, n: 8, k: 3, stride: 1, pad: 1, omH: h + 1, omW: w + 2}.op()
	weight := func(change func(x []float32)) func(path string, data []float32) {
		return func(path string, data []float32) {
			if path == "y.weight" {
				change(data)
			}
		}
	}
	om := func(change func(x []float32)) func(path string, data []float32) {
		return func(path string, data []float32) {
			for i := 0; path == "om" && i < len(data); i += 3 * taps {
				change(data[i : i+3*taps])
			}
		}
	}
	for name, m := range map[string]struct {
		right opCase
		wrong func(path string, data []float32) // changes operands so that the right kernel does the mistake
	}{
		"conv rows and columns swapped": {conv, weight(func(x []float32) {
			for i := 0; i < len(x); i += taps {
				for a := range 3 {
					for b := range a {
						x[i+a*3+b], x[i+b*3+a] = x[i+b*3+a], x[i+a*3+b]
					}
				}
			}
		})},
		"deform rows and columns swapped": {deform, om(func(x []float32) {
			for i := 0; i < 2*taps; i += 2 {
				x[i], x[i+1] = x[i+1], x[i]
			}
		})},
		"masks left out": {deform, om(func(x []float32) {
			for i := range taps {
				x[2*taps+i] = 1
			}
		})},
		"all down, then all right": {deform, om(func(x []float32) {
			var y [2 * taps]float32
			for i := range taps {
				y[2*i], y[2*i+1] = x[i], x[taps+i]
			}
			copy(x, y[:])
		})},
		"whole places": {deform, om(func(x []float32) {
			for i := range 2 * taps {
				x[i] = float32(int(x[i]))
			}
		})},
		"borders clamped": {deform, om(func(x []float32) {
			for i := range 2 * taps {
				x[i] = max(min(x[i], 1), -1)
			}
		})},
		"a map of offsets read by its own rows": {larger, nil},
	} {
		t.Run(name, func(t *testing.T) {
			g := build(t, m.right.record)
			s := m.right.tensors()
			want := oracle(t, g, s)[0]
			if err := m.right.bound.check(run(t, compile(t, d, g, s, vulkan.Options{}), s.inputs(g)...)[0], want); err != nil {
				t.Errorf("the right one: %v", err)
			}
			var got []float32
			if m.wrong == nil { // each picture's offsets cropped to the output, which the original does not do
				cropped := build(t, deform.record)
				in := s.inputs(g)
				var part []float32
				for b := range 2 {
					for y := range h {
						at := ((b*(h+1)+y)*(w+2) + 0) * 3 * taps
						part = append(part, in[1][at:at+w*3*taps]...)
					}
				}
				got = run(t, compile(t, d, cropped, s, vulkan.Options{}), in[0], part)[0]
			} else {
				changed := tensors{func(rng *rand.Rand, path string, data []float32) {
					s.fill(rng, path, data)
					m.wrong(path, data)
				}, s.seed}
				got = run(t, compile(t, d, g, changed, vulkan.Options{}), changed.inputs(g)...)[0]
			}
			if m.right.bound.check(got, want) == nil {
				t.Error("the mistake passes")
			}
		})
	}
}

// TestConvOutside: infinities that lie beyond what is sampled do not reach the result.
func TestConvOutside(t *testing.T) {
	d := device(t)
	c := convCase{batch: 1, h: 5, w: 6, c: 8, n: 8, k: 3, stride: 1, pad: 1, omH: 5, omW: 6}.op()
	s := tensors{func(rng *rand.Rand, path string, data []float32) {
		spoiled("x")(rng, path, data)
		if path == "om" {
			for i := range data {
				data[i] = 40 * data[i] // most samples lie beyond the map
			}
		}
	}, seed}
	g := build(t, c.record)
	want := oracle(t, g, s)[0]
	if err := c.bound.check(run(t, compile(t, d, g, s, vulkan.Options{}), s.inputs(g)...)[0], want); err != nil {
		t.Error(err)
	}
}

// TestConvWeights: what is refused, and that two convolutions may share one weight.
func TestConvWeights(t *testing.T) {
	d := device(t)
	for name, c := range map[string]struct {
		says   string
		record func(b *graph.Builder)
	}{
		"also added": {"the matrix of a convolution and an operand of add", func(b *graph.Builder) {
			x := b.In("x").Input(8, 8, 1, 1)
			b.Output(b.In("z").Add(x, b.In("y").Param("weight", 8, 8, 1, 1)))
			b.Output(b.In("y").Conv(b.In("u").Input(1, 4, 4, 8), 8, 1, graph.Conv{Stride: 1}, graph.NoBias))
		}},
		"also a linear's": {"the matrix of a linear and an operand of conv", func(b *graph.Builder) {
			y := b.In("y").Conv(b.In("x").Input(1, 4, 4, 8), 8, 2, graph.Conv{Stride: 1}, graph.NoBias)
			b.Output(y)
			b.Output(b.In("z").LinearOf(b.In("u").Input(3, 32), b.In("y").Param("weight", 8, 8, 2, 2), graph.NoBias))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			g := build(t, c.record)
			w, err := vulkan.Upload(t.Context(), d, g, tensors{uniform, seed}, vulkan.UploadOptions{})
			if err == nil {
				closing(t, w)
				t.Fatal("accepted")
			}
			if !strings.Contains(err.Error(), "y.weight") || !strings.Contains(err.Error(), c.says) {
				t.Errorf("the error does not say what is wrong: %v", err)
			}
		})
	}
	t.Run("shared", func(t *testing.T) {
		g := build(t, func(b *graph.Builder) {
			for _, size := range []int{4, 6} {
				b.Output(b.In("y").Conv(b.In("x", size).Input(1, size, size, 8), 8, 3, graph.Conv{Stride: 1, Pad: 1}, graph.WithBias))
			}
		})
		s := tensors{uniform, seed}
		want := oracle(t, g, s)
		for i, got := range run(t, compile(t, d, g, s, vulkan.Options{}), s.inputs(g)...) {
			if err := product(72).check(got, want[i]); err != nil {
				t.Error(err)
			}
		}
	})
	t.Run("too large a map", func(t *testing.T) {
		g := build(t, convCase{batch: 1, h: 16, w: 16, c: 12, n: 8, k: 3, stride: 1, pad: 1}.record)
		w, err := vulkan.Upload(t.Context(), d, g, tensors{uniform, seed}, vulkan.UploadOptions{})
		if err != nil {
			t.Fatal(err)
		}
		closing(t, w)
		_, err = vulkan.Compile(t.Context(), d, g, w, limited(vulkan.Options{}, func(c *engine.Caps) { c.MaxStorageBufferRange = 8 << 10 }, d))
		if !errors.Is(err, engine.ErrUnsupported) || !strings.Contains(err.Error(), "binding of") {
			t.Errorf("error %v", err)
		}
	})
}
