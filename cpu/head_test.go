package cpu_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/glipvk/glipvk/cpu"
	"github.com/glipvk/glipvk/graph"
)

// head is a detector's head in small: levels of a pyramid and a sentence, one layer that joins
// the two, scores, candidates. It has every way in which the real one puts operations together.
type head struct {
	levels   [][2]int // height and width, finest first
	channels int
	heads    int // of the fusion
	joint    int // channels of all heads
	tokens   int
	text     int // channels of a token
	labels   int
	clamped  bool // the scores before they are turned, as rewrite.Absorb writes them
}

func smallHead() head {
	return head{levels: [][2]int{{6, 9}, {3, 5}, {2, 3}}, channels: 16, heads: 2, joint: 40, tokens: 5, text: 24, labels: 4}
}

// record records a head: inputs are the levels' maps, the tokens' numbers and what labels own.
func (h head) record(b *graph.Builder) {
	var maps []graph.Value
	for i, l := range h.levels {
		maps = append(maps, b.In("level", fmt.Sprint(i)).Input(1, l[0], l[1], h.channels))
	}
	ids := b.In("ids").Input(1, h.tokens)
	owned := b.In("owned").Input(1, h.labels, h.tokens)
	text := b.In("embed").Embed(ids, b.Param("word", 30, h.text), b.Param("kind", 2, h.text), b.Param("position", 64, h.text))
	maps, text = h.fuse(b.In("fuse"), maps, text)
	text = h.read(b.In("read"), text)
	h.say(b.In("say"), h.tower(b.In("tower"), maps), text, owned)
}

// fuse lets pictures and text look at each other.
func (h head) fuse(b *graph.Builder, maps []graph.Value, text graph.Value) ([]graph.Value, graph.Value) {
	all := b.In("join").ConcatTokens(maps...)
	v, l := b.In("norm_v").LayerNorm(all, 1e-5), b.In("norm_l").LayerNorm(text, 1e-5)
	k := b.In("k").Linear(l, h.joint, graph.WithBias)
	keys := b.In("keys").Record(graph.AbsorbKeys{Heads: h.heads, Scale: 0.2}, k, b.In("q").Param("weight", h.joint, h.channels))
	bias := b.In("bias").Record(graph.AbsorbBias{Heads: h.heads, Scale: 0.2}, k, b.In("q").Param("bias", h.joint))
	scores := b.In("scores").CrossScores(v, keys, graph.CrossScores{Heads: 1, Scale: 1}, bias) // [1, 1, S, h*T]
	if h.clamped {
		scores = b.In("clamped").Clamp(scores, 2)
	}
	positions := all.Shape()[1]
	turned := b.In("turn").SwapLast(scores)
	seen := b.In("seen").CrossContext(b.In("softmax_l").Softmax(b.In("clamp").Clamp(turned, 50000)), v, 1)
	delta := b.In("delta_l").Record(graph.HeadLinear{Heads: h.heads}, seen, b.In("vv").Param("weight", h.joint, h.channels), b.In("vv").Param("bias", h.joint))
	text = b.In("sum_l").AddScaled(l, b.In("out_l").Linear(delta, h.text, graph.WithBias), b.Param("gamma_l", h.text))
	each := b.In("each").Reshape(scores, 1, positions*h.heads, h.tokens)
	p := b.In("flat").Reshape(b.In("softmax_v").Softmax(each), 1, 1, positions, h.heads*h.tokens)
	vl := b.In("vl").Linear(l, h.joint, graph.WithBias)
	values := b.In("values").Record(graph.AbsorbValues{Heads: h.heads}, vl, b.In("out_v").Param("weight", h.channels, h.joint))
	dv := b.In("context").CrossContext(p, values, 1, b.In("out_v").Param("bias", h.channels))
	all = b.In("sum_v").AddScaled(v, dv, b.Param("gamma_v", h.channels))
	at := 0
	var out []graph.Value
	for i, s := range h.levels {
		out = append(out, b.In("level", fmt.Sprint(i)).SliceTokens(all, graph.SliceTokens{Begin: at, Height: s[0], Width: s[1]}))
		at += s[0] * s[1]
	}
	return out, text
}

// read is the attention of a text's layer.
func (h head) read(b *graph.Builder, x graph.Value) graph.Value {
	q, k := b.In("query").Linear(x, h.text, graph.WithBias), b.In("key").Linear(x, h.text, graph.WithBias)
	s := b.In("softmax").Softmax(b.In("scores").CrossScores(q, k, graph.CrossScores{Heads: 2, Scale: 0.3}))
	y := b.In("context").CrossContext(s, b.In("value").Linear(x, h.text, graph.WithBias), 2)
	return b.In("norm").LayerNorm(b.In("sum").Add(x, b.In("dense").Linear(y, h.text, graph.WithBias)), 1e-12)
}

// tower is one layer of deformable convolutions across levels.
func (h head) tower(b *graph.Builder, maps []graph.Value) []graph.Value {
	var out []graph.Value
	for i, x := range maps {
		l := b.In("level", fmt.Sprint(i))
		om := l.In("sigmoid").Sigmoid(b.In("offset").Conv(x, 27, 3, graph.Conv{Stride: 1, Pad: 1}, graph.WithBias), 18)
		branch := func(name string, x graph.Value, stride int) graph.Value {
			y := b.In(name).DeformConv(x, om, h.channels, 3, graph.DeformConv{Stride: stride, Pad: 1})
			return b.In(name, "norm").GroupNorm(y, graph.GroupNorm{Groups: 4, Eps: 1e-5})
		}
		list := []graph.Value{branch("mid", x, 1)}
		if i > 0 {
			list = append(list, branch("down", maps[i-1], 2))
		}
		if i+1 < len(maps) {
			list = append(list, l.In("up").ResizeBilinear(branch("up", maps[i+1], 1), h.levels[i][0], h.levels[i][1]))
		}
		var gated []graph.Value
		for _, y := range list {
			mean := l.In("mean").GlobalMean(y)
			gate := l.In("hard").HardSigmoid(l.In("relu").ReLU(b.In("gate").Linear(mean, 1, graph.WithBias)))
			gated = append(gated, y, gate)
		}
		y := l.In("mean").WeightedMean(gated...)
		t := b.In("fc1").Linear(l.In("all").GlobalMean(y), h.channels/4, graph.WithBias)
		t = l.In("hard").HardSigmoid(b.In("fc2").Linear(l.In("relu").ReLU(t), 4*h.channels, graph.WithBias))
		out = append(out, l.In("out").DynamicReLU(y, t))
	}
	return out
}

// say turns maps and text into candidates of every level.
func (h head) say(b *graph.Builder, maps []graph.Value, text, owned graph.Value) {
	e := b.In("normal").Normalize(text, 1e-12)
	p := b.In("project").Linear(b.In("half").Scale(e, 0.5), h.channels, graph.WithBias)
	for i, x := range maps {
		l := b.In("level", fmt.Sprint(i))
		z := b.In("logits").TokenLogits(x, p, e, graph.TokenWeights{
			BiasLang: b.Param("bias_lang", e.Shape().Last()), Bias0: b.Param("bias0", 1), LogScale: b.Param("log_scale", 1),
		}, graph.TokenLogits{Limit: 50000})
		boxes := l.In("scale").MulScalar(b.In("boxes").Conv(x, 4, 1, graph.Conv{Stride: 1}, graph.WithBias), l.Param("s", 1))
		center := b.In("center").Conv(x, 1, 1, graph.Conv{Stride: 1}, graph.WithBias)
		scores := l.In("scores").PhraseScores(z, owned, graph.PhraseScores{})
		b.Output(l.In("top").Candidates(scores, center, boxes, graph.Candidates{Threshold: 0.3, Limit: 12}))
	}
	coarse := b.In("nearest").ResizeNearest(maps[len(maps)-1], h.levels[0][0], h.levels[0][1])
	b.Output(b.In("pyramid").Add(maps[0], coarse))
}

// smallInputs are those of a small head: whole numbers for tokens, and 0 for most of what labels own.
func smallInputs(t *testing.T, g *graph.Graph, src cpu.Source) [][]float32 {
	t.Helper()
	var list [][]float32
	for _, id := range g.Inputs() {
		n := g.Nodes[id]
		x, err := src.Tensor(n.Path, n.Shape)
		if err != nil {
			t.Fatal(err)
		}
		switch n.Path {
		case "ids.input":
			copy(x, []float32{1, 7, 29, 7, 0})
		case "owned.input":
			clear(x)
			x[0], x[6], x[7], x[14] = 1, 1, 1, 1 // the last label owns nothing
		}
		list = append(list, x)
	}
	return list
}

// TestHead wants fused, unfused and oracle to agree on every value, with memory used again and not.
func TestHead(t *testing.T) {
	t.Run("small", func(t *testing.T) { testHead(t, smallHead()) })
	wide := smallHead() // of as many channels as products finish at once
	wide.levels, wide.channels, wide.clamped = [][2]int{{13, 21}, {7, 11}, {4, 6}}, 64, true
	t.Run("wide", func(t *testing.T) { testHead(t, wide) })
}

func testHead(t *testing.T, h head) {
	g := build(t, h.record)
	src := modest{tensors{normal}}
	inputs := smallInputs(t, g, src)
	all := values(t, g)
	want := oracle(t, g, src, all, inputs...)
	for _, name := range cpu.Available() {
		for _, o := range []cpu.Options{
			{}, {NoFusion: true}, {NoReuse: true}, {Keep: all}, {Keep: all, NoFusion: true}, {Keep: all, NoReuse: true},
			{Keep: all[:len(all)/2]},
		} {
			o.Workers = 3
			p := compile(t, g, src, name, o)
			got := poison(g, append(slices.Clone(g.Outputs), o.Keep...))
			for range 2 {
				if err := p.RunInto(t.Context(), got, inputs...); err != nil {
					t.Fatal(err)
				}
				for i := range got {
					path := ""
					if i >= len(g.Outputs) {
						path = g.Nodes[all[i-len(g.Outputs)]].Path
					}
					same(t, fmt.Sprintf("%s %v %v %d kept, %s", name, o.NoFusion, o.NoReuse, len(o.Keep), path), got[i], want[i], bound{5e-6, 2e-5})
				}
			}
		}
	}
}

// TestHeadSteps wants views to take neither steps nor memory of their own, and the results to
// have something in them.
func TestHeadSteps(t *testing.T) {
	g := build(t, smallHead().record)
	src := modest{tensors{normal}}
	inputs := smallInputs(t, g, src)
	views := compile(t, g, src, cpu.Best, cpu.Options{}).Stats()
	copies := compile(t, g, src, cpu.Best, cpu.Options{NoReuse: true}).Stats()
	if n := copies.Dispatches - views.Dispatches; n != 5 { // two Reshapes and three SliceTokens
		t.Errorf("%d steps fewer with views, want 5", n)
	}
	if views.ArenaBytes >= copies.ArenaBytes || views.ArenaBytes < views.LiveBytes || 5*views.ArenaBytes > 6*views.LiveBytes {
		t.Errorf("arena of %d bytes for %d that live, %d without reuse", views.ArenaBytes, views.LiveBytes, copies.ArenaBytes)
	}
	if views.FLOPs != 2*g.Count().MultiplyAdds || copies.FLOPs != views.FLOPs {
		t.Errorf("%d floating-point operations, the graph counts %d", views.FLOPs, 2*g.Count().MultiplyAdds)
	}
	for i, y := range oracle(t, g, src, nil, inputs...)[:3] {
		found := 0
		for row := 0; row < len(y); row += graph.CandidateFields {
			if y[row+3] > 0 {
				found++
			}
		}
		if found == 0 {
			t.Errorf("level %d has no candidates: nothing is compared", i)
		}
	}
	n := 0
	joined := build(t, func(b *graph.Builder) {
		var parts []graph.Value
		for ; n < 4; n++ {
			parts = append(parts, b.In("part", fmt.Sprint(n)).ReLU(b.In("x", fmt.Sprint(n)).Input(1, n+1, 16)))
		}
		b.Output(b.In("sum").Scale(b.In("join").ConcatTokens(parts...), 2))
	})
	if s := compile(t, joined, src, cpu.Best, cpu.Options{}).Stats(); s.Dispatches != n+1 || s.ArenaBytes != 4*16*(1+2+3+4) {
		t.Errorf("a concatenation of %d computed parts: %d steps and %d bytes, want %d and %d", n, s.Dispatches, s.ArenaBytes, n+1, 4*16*10)
	}
}

// TestHeadSameBits wants the same bits from any number of workers, after a run whose inputs
// were no numbers, and without memory taken.
func TestHeadSameBits(t *testing.T) {
	h := smallHead()
	h.levels, h.channels, h.clamped = [][2]int{{13, 21}, {7, 11}, {4, 6}}, 32, true // more than one block of positions
	g := build(t, h.record)
	src := modest{tensors{normal}}
	inputs := smallInputs(t, g, src)
	var want [][]float32
	for _, workers := range []int{1, 2, 3, 16} {
		p := compile(t, g, src, cpu.Best, cpu.Options{Workers: workers})
		if _, err := p.Run(t.Context(), poison(g, g.Inputs())...); err != nil {
			t.Fatal(err)
		}
		got := poison(g, g.Outputs)
		run := func() {
			if err := p.RunInto(t.Context(), got, inputs...); err != nil {
				t.Fatal(err)
			}
		}
		run()
		if want == nil {
			want = got
			if n := testing.AllocsPerRun(3, run); n > float64(p.Stats().Dispatches/4) { // what goroutines need, and the race detector
				t.Errorf("%v allocations in a run of %d steps", n, p.Stats().Dispatches)
			}
		}
		for i := range want {
			same(t, fmt.Sprint(workers, " workers"), got[i], want[i], exact)
		}
	}
}

// TestHeadCancel wants every moment of a run to end it, and the next run to be right.
func TestHeadCancel(t *testing.T) {
	g := build(t, smallHead().record)
	src := modest{tensors{normal}}
	inputs := smallInputs(t, g, src)
	p := compile(t, g, src, cpu.Best, cpu.Options{Workers: 2})
	want, err := p.Run(t.Context(), inputs...)
	if err != nil {
		t.Fatal(err)
	}
	for looks := int64(0); looks < 300; looks += 7 {
		left := &atomic.Int64{}
		left.Store(looks)
		if _, err := p.Run(countdown{t.Context(), left}, inputs...); !errors.Is(err, context.Canceled) {
			t.Errorf("after %d looks: error %v, want %v", looks, err, context.Canceled)
		}
	}
	got, err := p.Run(t.Context(), inputs...)
	if err != nil {
		t.Fatal(err)
	}
	for i := range want {
		same(t, "after cancelled runs", got[i], want[i], exact)
	}
}

// TestInputOrder wants inputs taken in the order in which they were recorded.
func TestInputOrder(t *testing.T) {
	g := build(t, func(b *graph.Builder) {
		x, y := b.In("x").Input(2, 3), b.In("y").Input(2, 3)
		s := b.In("s").Input(1)
		b.Output(b.In("op").AddScaled(y, b.In("times").MulScalar(x, s), b.In("gamma").Input(3)))
	})
	p := compile(t, g, tensors{normal}, cpu.Best, cpu.Options{})
	x, y := []float32{1, 2, 3, 4, 5, 6}, []float32{100, 200, 300, 400, 500, 600}
	got, err := p.Run(t.Context(), x, y, []float32{10}, []float32{1, 2, 0})
	if err != nil {
		t.Fatal(err)
	}
	same(t, "sum", got[0], []float32{110, 240, 300, 440, 600, 600}, exact)
	if _, err := p.Run(t.Context(), []float32{1}); !errors.Is(err, graph.ErrShape) || !strings.Contains(err.Error(), "1 slices given as input, want 4") {
		t.Errorf("error %v", err)
	}
}
