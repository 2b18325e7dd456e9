package cpuref_test

import (
	"context"
	"math"
	"slices"
	"strconv"
	"testing"

	"github.com/glipvk/glipvk/cpuref"
	"github.com/glipvk/glipvk/graph"
)

// computed runs what record makes of inputs x0, x1 and so on with the golden weights.
func computed(t *testing.T, record func(b *graph.Builder, in []graph.Value) graph.Value, inputs ...goldenTensor) []float32 {
	t.Helper()
	b := graph.NewBuilder()
	var values []graph.Value
	var data [][]float32
	for i, x := range inputs {
		values, data = append(values, b.In("x", i).Input(x.Shape...)), append(data, x.data)
	}
	b.Output(record(b, values))
	g, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cpuref.Run(context.Background(), g, formula{}, cpuref.Options{}, data...)
	if err != nil {
		t.Fatal(err)
	}
	return out[0]
}

// near fails unless got is within the tolerance of want.
func near(t *testing.T, what string, got []float32, want goldenTensor) {
	t.Helper()
	d := farthest(got, want)
	if !(d <= want.tolerance()) {
		t.Errorf("%s: off by %g, tolerance %g", what, d, want.tolerance())
	}
}

// far fails if a wrong variant is within ten times the tolerance of want.
func far(t *testing.T, what string, got []float32, want goldenTensor) {
	t.Helper()
	if d := farthest(got, want); d <= 10*want.tolerance() {
		t.Errorf("%s is off by no more than %g, the tolerance of %g sees nothing", what, d, want.tolerance())
	}
}

// TestDeformConvGolden compares with the original's ModulatedDeformConv.
func TestDeformConvGolden(t *testing.T) {
	for _, id := range []string{"dcn.stride1", "dcn.stride2", "dcn.reinterpret", "dcn.one"} {
		t.Run(id, func(t *testing.T) {
			c := golden(t, id)
			want := c.tensor(t, "out").channelsLast()
			x, offset, mask := c.tensor(t, "x").channelsLast(), c.tensor(t, "offset").channelsLast(), c.tensor(t, "mask").channelsLast()
			record := func(b *graph.Builder, in []graph.Value) graph.Value {
				return b.In("case", id).DeformConv(in[0], in[1], want.Shape[3], 3, graph.DeformConv{Stride: c.Stride, Pad: 1})
			}
			near(t, id, computed(t, record, x, channels(offset, mask)), want)
			if len(offset.data) > 100 {
				far(t, "dx before dy", computed(t, record, x, channels(swapPairs(offset), mask)), want)
			}
			if id == "dcn.reinterpret" {
				h, w := want.Shape[1], want.Shape[2]
				cut := func(b *graph.Builder, in []graph.Value) graph.Value {
					return record(b, []graph.Value{in[0], b.In("cut").Crop(in[1], h, w)})
				}
				far(t, "offsets of the same position", computed(t, cut, x, channels(offset, mask)), want)
			}
		})
	}
}

// swapPairs exchanges channels 2t and 2t+1.
func swapPairs(x goldenTensor) goldenTensor {
	x.data = slices.Clone(x.data)
	for i := 0; i < len(x.data); i += 2 {
		x.data[i], x.data[i+1] = x.data[i+1], x.data[i]
	}
	return x
}

// TestConv3x3NormGolden compares a deformable convolution and its group norm.
func TestConv3x3NormGolden(t *testing.T) {
	c := golden(t, "dcn.conv3x3norm")
	want := c.tensor(t, "out").channelsLast()
	om := channels(c.tensor(t, "offset").channelsLast(), c.tensor(t, "mask").channelsLast())
	with := func(o graph.GroupNorm) []float32 {
		return computed(t, func(b *graph.Builder, in []graph.Value) graph.Value {
			b = b.In("case.conv3x3norm")
			y := b.In("conv").DeformConv(in[0], in[1], want.Shape[3], 3, graph.DeformConv{Stride: 1, Pad: 1})
			return b.In("bn").GroupNorm(y, o)
		}, c.tensor(t, "x").channelsLast(), om)
	}
	near(t, "16 groups, eps 1e-5", with(graph.GroupNorm{Groups: 16, Eps: 1e-5}), want)
	far(t, "eps 1e-3", with(graph.GroupNorm{Groups: 16, Eps: 1e-3}), want)
	far(t, "8 groups", with(graph.GroupNorm{Groups: 8, Eps: 1e-5}), want)
}

// TestDynamicReLUGolden compares the original's DYReLU and its coefficients.
func TestDynamicReLUGolden(t *testing.T) {
	for _, id := range []string{"dyrelu", "dyrelu.batch"} {
		t.Run(id, func(t *testing.T) {
			c := golden(t, id)
			x, want := c.tensor(t, "x").channelsLast(), c.tensor(t, "out").channelsLast()
			coefficients := func(b *graph.Builder, x graph.Value) graph.Value {
				b = b.In("rpn.head.dyhead_tower.2.relu.fc")
				y := b.In(0).Linear(b.GlobalMean(x), 64, graph.WithBias)
				return b.HardSigmoid(b.In(2).Linear(b.ReLU(y), 1024, graph.WithBias))
			}
			near(t, "coefficients", computed(t, func(b *graph.Builder, in []graph.Value) graph.Value {
				return coefficients(b, in[0])
			}, x), c.tensor(t, "coef"))
			near(t, "output", computed(t, func(b *graph.Builder, in []graph.Value) graph.Value {
				return b.In("out").DynamicReLU(in[0], coefficients(b, in[0]))
			}, x), want)
			coef := c.tensor(t, "coef")
			coef.data = slices.Clone(coef.data)
			for start := 0; start < len(coef.data); start += 1024 {
				b1, a2 := coef.data[start+256:][:256], coef.data[start+512:][:256]
				for i := range b1 {
					b1[i], a2[i] = a2[i], b1[i]
				}
			}
			far(t, "blocks a1 a2 b1 b2", computed(t, func(b *graph.Builder, in []graph.Value) graph.Value {
				return b.In("out").DynamicReLU(in[0], in[1])
			}, x, coef), want)
		})
	}
}

// TestPhraseScoresGolden compares convert_grounding_to_od_logits. Its scores are
// probabilities, which float32 holds to 3e-8; the original gives NaN for a label
// without tokens.
func TestPhraseScoresGolden(t *testing.T) {
	logits := golden(t, "convert.mean").tensor(t, "logits")
	for id, aggregate := range map[string]graph.Aggregate{
		"convert.mean": graph.Mean, "convert.max": graph.Max, "convert2.mean": graph.Mean, "convert2.max": graph.Max, "convert2.power": graph.Power,
	} {
		c, o := golden(t, id), graph.PhraseScores{Aggregate: aggregate}
		want := c.tensor(t, "scores")
		tokens, labels := logits.Shape[2], want.Shape[2]
		owned := goldenTensor{Shape: []int{1, labels, tokens}, data: make([]float32, labels*tokens)}
		empty := map[int]bool{}
		for text, list := range c.PositiveMap {
			label, err := strconv.Atoi(text)
			if err != nil {
				t.Fatal(err)
			}
			empty[label-1] = len(list) == 0
			for _, token := range list {
				owned.data[(label-1)*tokens+token] = 1
			}
		}
		owned.Shape[0], owned.data = logits.Shape[0], slices.Repeat(owned.data, logits.Shape[0])
		got := computed(t, func(b *graph.Builder, in []graph.Value) graph.Value {
			return b.In("scores").PhraseScores(in[0], in[1], o)
		}, logits, owned)
		for i, w := range want.data {
			if empty[i%labels] && math.IsNaN(float64(w)) {
				w = 0
			}
			if d := math.Abs(float64(got[i]) - float64(w)); !(d <= 1e-7) {
				t.Fatalf("%+v: position %d, label %d: %v, want %v", o, i/labels, i%labels+1, got[i], w)
			}
		}
	}
}
