package kernels_test

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/glipvk/glipvk/engine"
	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/kernels"
	"github.com/glipvk/glipvk/vulkan"
)

// detectorMistakes are operations of the detector done wrong on purpose.
func detectorMistakes() map[string]mistake {
	unary := func(op func(b *graph.Builder, x graph.Value) graph.Value) func(b *graph.Builder) {
		return func(b *graph.Builder) { b.Output(op(b.In("y"), b.In("x").Input(1, 14, 14, 32))) }
	}
	sigmoid := func(from int) func(b *graph.Builder) {
		return unary(func(b *graph.Builder, x graph.Value) graph.Value { return b.Sigmoid(x, from) })
	}
	norm := func(groups int, eps float64) func(b *graph.Builder) {
		return unary(func(b *graph.Builder, x graph.Value) graph.Value {
			return b.GroupNorm(x, graph.GroupNorm{Groups: groups, Eps: eps})
		})
	}
	clamp := func(limit float64) func(b *graph.Builder) {
		return unary(func(b *graph.Builder, x graph.Value) graph.Value { return b.Clamp(x, limit) })
	}
	nearest := unary(func(b *graph.Builder, x graph.Value) graph.Value { return b.ResizeNearest(x, 27, 29) })
	bilinear := unary(func(b *graph.Builder, x graph.Value) graph.Value { return b.ResizeBilinear(x, 27, 29) })
	gates := func(first, second string) func(b *graph.Builder) {
		return func(b *graph.Builder) {
			x, z := b.In("x").Input(1, 7, 7, 8), b.In("z").Input(1, 7, 7, 8)
			gate := map[string]graph.Value{"a": b.In("a").Input(1, 1), "b": b.In("b").Input(1, 1)}
			b.Output(b.In("y").WeightedMean(x, gate[first], z, gate[second]))
		}
	}
	join := func(swapped bool) func(b *graph.Builder) {
		return func(b *graph.Builder) {
			x, z := b.In("x").Input(1, 3, 4, 8), b.In("z").Input(1, 12, 8)
			if swapped {
				x, z = z, x
			}
			b.Output(b.In("y").ConcatTokens(x, z))
		}
	}
	slice := func(begin int) func(b *graph.Builder) {
		return func(b *graph.Builder) {
			b.Output(b.In("y").SliceTokens(b.In("x").Input(1, 30, 8), graph.SliceTokens{Begin: begin, Height: 4, Width: 5}))
		}
	}
	scores := func(aggregate graph.Aggregate) func(b *graph.Builder) {
		return func(b *graph.Builder) {
			b.Output(b.In("y").PhraseScores(b.In("logits").Input(1, 60, 20), b.In("owned").Input(1, 5, 20), graph.PhraseScores{Aggregate: aggregate}))
		}
	}
	chosen := func(threshold float64) func(b *graph.Builder) {
		return func(b *graph.Builder) {
			p, c := b.In("scores").Input(1, 273, 11), b.In("centerness").Input(1, 273, 1)
			b.Output(b.In("y").Candidates(p, c, b.In("deltas").Input(1, 273, 4), graph.Candidates{Threshold: threshold, Limit: 300}))
		}
	}
	return map[string]mistake{
		"sigmoid of one channel more":  {sigmoid(18), sigmoid(17), nil, pointwise},
		"hard sigmoid for the soft":    {sigmoid(0), unary((*graph.Builder).HardSigmoid), nil, pointwise},
		"no rectification":             {unary((*graph.Builder).ReLU), clamp(2), nil, pointwise},
		"clamp a thousandth off":       {clamp(0.9), clamp(0.9009), nil, pointwise},
		"half as many groups":          {norm(4, 1e-5), norm(2, 1e-5), nil, normed(0, 1)},
		"eps of groups times 10":       {norm(4, 1e-5), norm(4, 1e-4), nil, normed(0, 1)},
		"nearest for bilinear":         {bilinear, nearest, nil, pointwise},
		"bilinear for nearest":         {nearest, bilinear, nil, bound{}},
		"gates swapped":                {gates("a", "b"), gates("b", "a"), nil, pointwise},
		"parts swapped":                {join(false), join(true), nil, bound{}},
		"slice one token late":         {slice(4), slice(5), ramp, bound{}},
		"the largest for the mean":     {scores(graph.Mean), scores(graph.Max), phrases, bound{each: 32 * ulp, rms: 8 * ulp, l2: 8 * ulp}},
		"at the threshold for above":   {chosen(0.9375), chosen(0.937499), scored(16), bound{each: 4 * ulp}},
		"a threshold one part in 1000": {chosen(0.9), chosen(0.9009), scored(1 << 20), bound{each: 4 * ulp}},
	}
}

func TestDetectorMistakesAreRejected(t *testing.T) {
	d := device(t)
	for name, m := range detectorMistakes() {
		t.Run(name, func(t *testing.T) {
			s := opCase{fill: m.fill}.tensors()
			right, wrong := build(t, m.right), build(t, m.wrong)
			want := oracle(t, right, s)[0]
			if err := m.bound.check(run(t, compile(t, d, right, s, vulkan.Options{}), s.inputs(right)...)[0], want); err != nil {
				t.Errorf("the right one: %v", err)
			}
			// Inputs go by name: a wrong graph may ask for them in another order.
			if m.bound.check(run(t, compile(t, d, wrong, s, vulkan.Options{}), s.inputs(wrong)...)[0], want) == nil {
				t.Error("the mistake passes")
			}
		})
	}
}

// TestNaiveVarianceIsRejected: mean(x*x) - mean*mean in float32 fails where the shader passes.
func TestNaiveVarianceIsRejected(t *testing.T) {
	const positions, channels = 25 * 42, 16
	g := build(t, func(b *graph.Builder) {
		b.Output(b.In("y").GroupNorm(b.In("x").Input(1, 25, 42, channels), graph.GroupNorm{Groups: 1, Eps: 1e-5}))
	})
	s := tensors{weighted(normal(1000, 1)), seed}
	x := s.inputs(g)[0]
	weight, _ := s.Tensor("y.weight", []int{channels})
	bias, _ := s.Tensor("y.bias", []int{channels})
	var sum, squares float32
	for _, v := range x {
		sum, squares = sum+v, squares+v*v
	}
	mean := sum / (positions * channels)
	scale := 1 / math.Sqrt(float64(squares/(positions*channels)-mean*mean)+1e-5)
	y := make([]float32, len(x))
	for i, v := range x {
		y[i] = (v-mean)*float32(scale)*weight[i%channels] + bias[i%channels]
	}
	if normed(1000, 1).check(y, oracle(t, g, s)[0]) == nil {
		t.Error("a variance that cancels passes")
	}
}

// TestCandidatesLarge selects among as many pairs as a picture's largest map has, three
// times with the same result.
func TestCandidatesLarge(t *testing.T) {
	d := device(t)
	for name, f := range map[string]fill{"apart": scored(1 << 20), "ties": scored(64), "alike": alike, "weighed": weighed} {
		g := build(t, func(b *graph.Builder) {
			p, c := b.In("scores").Input(1, 16800, 20), b.In("centerness").Input(1, 100, 168, 1)
			b.Output(b.In("y").Candidates(p, c, b.In("deltas").Input(1, 100, 168, 4), graph.Candidates{Threshold: 0.05, Limit: 1000}))
		})
		s := tensors{f, seed}
		want := oracle(t, g, s)[0]
		p := compile(t, d, g, s, vulkan.Options{})
		for range 3 {
			if err := (bound{each: 4 * ulp}).check(run(t, p, s.inputs(g)...)[0], want); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

// TestDetectorRefusals: what no shader can do is refused by name.
func TestDetectorRefusals(t *testing.T) {
	for want, record := range map[string]func(b *graph.Builder){
		"at most 16384": func(b *graph.Builder) {
			p, c := b.In("scores").Input(1, 300, 70), b.In("centerness").Input(1, 300, 1)
			b.Output(b.In("y").Candidates(p, c, b.In("deltas").Input(1, 300, 4), graph.Candidates{Threshold: 0.05, Limit: 20000}))
		},
		"at most 3": func(b *graph.Builder) {
			x, gate := b.In("x").Input(1, 2, 2, 4), b.In("gate").Input(1, 1)
			b.Output(b.In("y").WeightedMean(x, gate, x, gate, x, gate, x, gate))
		},
	} {
		_, err := kernels.LowerAs(build(t, record), kernels.Styles()["software"], guaranteed, kernels.F32, kernels.Options{})
		if !errors.Is(err, engine.ErrUnsupported) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want ErrUnsupported with %q", err, want)
		}
	}
}
