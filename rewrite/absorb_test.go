package rewrite_test

import (
	"context"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/glipvk/glipvk/cpuref"
	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/rewrite"
)

// size of a cross attention.
type size struct {
	pictures, positions, tokens, channels, width, embedded, heads int

	masked bool // there is a mask of the tokens
}

// Two heads or more of a length that is not the number of channels, and nothing equal.
var small = size{pictures: 1, positions: 13, tokens: 5, channels: 6, width: 10, embedded: 12, heads: 3}

// batch is small for two pictures whose captions are padded.
func batch() size {
	s := small
	s.pictures, s.masked = 2, true
	return s
}

// attention holds the values of a recorded block by their names.
type attention map[string]graph.Value

// record records VLFuse of positions v and tokens x at the scope of b, as package glip
// does, and returns its values.
func record(b *graph.Builder, s size, x, y graph.Value) attention {
	a := b.In("attn")
	linear := func(name string, x graph.Value, n int) graph.Value { return a.In(name).Linear(x, n, graph.WithBias) }
	n := attention{}
	n["v"] = b.In("layer_norm_v").LayerNorm(x, 1e-5)
	n["x"] = b.In("layer_norm_l").LayerNorm(y, 1e-5)
	n["q"] = linear("v_proj", n["v"], s.embedded)
	n["k"] = linear("l_proj", n["x"], s.embedded)
	n["valuesV"] = linear("values_v_proj", n["v"], s.embedded)
	n["valuesL"] = linear("values_l_proj", n["x"], s.embedded)
	scale := 1 / math.Sqrt(float64(s.embedded/s.heads))
	n["scores"] = a.In("scores").CrossScores(n["q"], n["k"], graph.CrossScores{Heads: s.heads, Scale: scale}, s.mask(b)...)
	n["clamped"] = a.In("clamped").Clamp(n["scores"], 50000)
	n["softmaxV"] = a.In("softmax_v").Softmax(n["clamped"])
	n["contextV"] = a.In("context_v").CrossContext(n["softmaxV"], n["valuesL"], s.heads)
	n["deltaV"] = linear("out_v_proj", n["contextV"], s.channels)
	n["swapped"] = a.In("scores_l").SwapLast(n["clamped"])
	n["softmaxL"] = a.In("softmax_l").Softmax(n["swapped"])
	n["contextL"] = a.In("context_l").CrossContext(n["softmaxL"], n["valuesV"], s.heads)
	n["deltaL"] = linear("out_l_proj", n["contextL"], s.width)
	return n
}

// mask is a weight here, so that blocks share it.
func (s size) mask(b *graph.Builder) []graph.Value {
	if !s.masked {
		return nil
	}
	return []graph.Value{b.Param("mask", s.pictures, s.tokens)}
}

// inputs of a block.
func inputs(b *graph.Builder, s size) (positions, tokens graph.Value) {
	return b.In("visual").Input(s.pictures, s.positions, s.channels), b.In("lang").Input(s.pictures, s.tokens, s.width)
}

// fused is a graph of layers blocks, each on the results of the one before.
func fused(t *testing.T, s size, layers int) (*graph.Graph, []attention) {
	t.Helper()
	b := graph.NewBuilder()
	v, x := inputs(b, s)
	blocks := make([]attention, layers)
	for i := range blocks {
		blocks[i] = record(b.In("tower", i), s, v, x)
		v = b.In("tower", i, "v").AddScaled(blocks[i]["v"], blocks[i]["deltaV"], b.In("tower", i).Param("gamma_v", s.channels))
		x = b.In("tower", i, "x").Add(blocks[i]["x"], blocks[i]["deltaL"])
	}
	b.Output(v)
	b.Output(x)
	return built(t, b), blocks
}

func built(t *testing.T, b *graph.Builder) *graph.Graph {
	t.Helper()
	g, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// random gives every weight numbers of its own, from its name, that make attention sharp.
type random struct{}

func (random) Tensor(name string, shape []int) ([]float32, error) {
	var seed uint64
	for _, c := range name {
		seed = 31*seed + uint64(c)
	}
	return numbers(seed, graph.Shape(shape).Elements(), 1), nil
}

// numbers are n of them, uniform in [-size, size].
func numbers(seed uint64, n int, size float64) []float32 {
	r := rand.New(rand.NewPCG(seed, 1))
	data := make([]float32, n)
	for i := range data {
		data[i] = float32((2*r.Float64() - 1) * size)
	}
	return data
}

// run is the outputs of a graph of that size.
func (s size) run(t *testing.T, g *graph.Graph) [][]float32 {
	t.Helper()
	out, err := cpuref.Run(context.Background(), g, random{}, cpuref.Options{},
		numbers(1, s.pictures*s.positions*s.channels, 2), numbers(2, s.pictures*s.tokens*s.width, 2))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// distance is the largest difference, relative to the largest number that is wanted.
func distance(got, want []float32) float64 {
	if len(got) != len(want) {
		return math.Inf(1)
	}
	difference, largest := 0.0, 0.0
	for i, w := range want {
		d := math.Abs(float64(got[i]) - float64(w))
		if math.IsNaN(d) {
			return math.Inf(1)
		}
		difference, largest = max(difference, d), max(largest, math.Abs(float64(w)))
	}
	return difference / largest
}

// tolerance of one block: float32 rounds its values five times on the way, and the
// mistakes of TestAbsorbedMistakes are a hundred times farther off.
const tolerance = 1e-6

func absorbed(t *testing.T, g *graph.Graph, keep ...graph.ID) (*graph.Graph, func(graph.ID) (graph.ID, bool)) {
	t.Helper()
	rewritten, to, err := rewrite.Absorb(g, keep)
	if err != nil {
		t.Fatal(err)
	}
	return rewritten, to
}

// TestAbsorbComputesTheSame compares both forms, and the values that stay by their
// numbers.
func TestAbsorbComputesTheSame(t *testing.T) {
	t.Run("one picture", func(t *testing.T) { computesTheSame(t, small) })
	t.Run("a batch with a mask", func(t *testing.T) { computesTheSame(t, batch()) })
}

func computesTheSame(t *testing.T, s size) {
	b := graph.NewBuilder()
	v, x := inputs(b, s)
	n := record(b.In("0", "b_attn"), s, v, x)
	stay := []string{"deltaV", "deltaL", "contextL", "k", "valuesL", "v", "x"}
	for _, name := range stay {
		b.Output(n[name])
	}
	g := built(t, b)
	before := g.String()
	rewritten, to := absorbed(t, g)
	if g.String() != before {
		t.Error("the recorded graph was changed")
	}
	if !strings.Contains(rewritten.String(), "absorbkeys") {
		t.Fatalf("nothing was absorbed:\n%s", rewritten)
	}
	want, got := s.run(t, g), s.run(t, rewritten)
	for i, name := range stay {
		if d := distance(got[i], want[i]); !(d <= tolerance) {
			t.Errorf("%s is off by %g of its largest, tolerance %g", name, d, tolerance)
		}
		old := g.Outputs[i]
		if id, ok := to(old); !ok || id != rewritten.Outputs[i] || rewritten.Nodes[id].Path != g.Nodes[old].Path {
			t.Errorf("%s went to %d, %v, output %d", name, id, ok, rewritten.Outputs[i])
		}
	}
	for _, name := range []string{"q", "scores", "clamped", "softmaxV", "contextV", "swapped", "softmaxL", "valuesV"} {
		if id, ok := to(n[name].ID()); ok {
			t.Errorf("%s went to node %d, %s", name, id, rewritten.Nodes[id].Path)
		}
	}
	if _, ok := to(-1); ok {
		t.Error("node -1 went somewhere")
	}
	if _, ok := to(graph.ID(len(g.Nodes))); ok {
		t.Error("a node behind the last went somewhere")
	}
}

// TestAbsorbedMistakes plants mistakes in the absorbed form, which the tolerance must see.
func TestAbsorbedMistakes(t *testing.T) {
	s := batch()
	g, _ := fused(t, s, 1)
	want := s.run(t, g)
	withoutBias := func(n []graph.Node) { n[0].Inputs = n[0].Inputs[:2] }
	for _, c := range []struct {
		name, leaf string
		plant      func(n []graph.Node) // from that node on
	}{
		{"scores without the projection's bias", "absorbed.scores", withoutBias},
		{"a bias without the mask", "absorbed.shifts", withoutBias},
		{"a context without the projection's bias", "out_v_proj", withoutBias},
		{"keys too large by 1/1000", "absorbed.keys", func(n []graph.Node) {
			o := n[0].Op.(graph.AbsorbKeys)
			n[0].Op = graph.AbsorbKeys{Heads: o.Heads, Scale: o.Scale * 1.001}
		}},
		{"one softmax over all heads", "absorbed.heads", func(n []graph.Node) {
			joined := graph.Shape{s.pictures, 1, s.positions, s.heads * s.tokens}
			n[0].Shape, n[1].Shape = joined, joined // the reshape and the softmax
		}},
	} {
		rewritten, _ := absorbed(t, g)
		id, ok := rewritten.Find("tower.0.attn." + c.leaf)
		if !ok {
			t.Fatalf("%s: no node %s in\n%s", c.name, c.leaf, rewritten)
		}
		c.plant(rewritten.Nodes[id:])
		got := s.run(t, rewritten)
		if d := max(distance(got[0], want[0]), distance(got[1], want[1])); !(d > 100*tolerance) {
			t.Errorf("%s moves the results by %g only, the tolerance is %g", c.name, d, tolerance)
		}
	}
}
