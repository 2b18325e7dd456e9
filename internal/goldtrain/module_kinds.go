package goldtrain

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/glipvk/glipvk/glip"
	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/swin"
)

// Modules of the backbone and the text encoder, and what is no module of glip's.

const bodyScope = "backbone.body."

// body records the backbone for pictures of a size, and makes an input of the value at a path.
func (m *Module) body(t *testing.T, cfg swin.Config, drop float64, batch, height, width int, from string) *graph.Graph {
	t.Helper()
	b := graph.NewBuilder()
	image := b.In("image").Input(batch, 3, height, width)
	p := swin.DropPath{Rate: drop}
	if drop > 0 {
		p.Dice = &graph.Dice{Counter: b.In("counter").Input(2)}
	}
	swin.Body(b.In("backbone", "body"), cfg, image, p, func(_ int, y graph.Value) { b.Output(y) })
	g := built(t)(b.Build())
	if from != "" {
		given(g, at(t, g, from))
	}
	return g
}

// given makes an input of a value.
func given(g *graph.Graph, id graph.ID) {
	g.Nodes[id].Op, g.Nodes[id].Inputs = graph.InputOf(g.Nodes[id].Shape), nil
}

// built fails where a recording does.
func built(t *testing.T) func(*graph.Graph, error) *graph.Graph {
	return func(g *graph.Graph, err error) *graph.Graph {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return g
	}
}

func (m *Module) patchEmbed(t *testing.T) {
	x, out := m.Find(t, "input", "x"), m.Find(t, "output", "out").Shape
	m.cfg.Backbone.EmbedDims = out[1]
	g := m.body(t, m.cfg.Backbone, 0, x.Shape[0], x.Shape[2], x.Shape[3], "")
	m.end(t, g, Run{
		Inputs: map[string][]float32{"image": x.Content()}, given: []port{{name: "x", path: "image", first: true}},
		made: []port{{name: "out", path: bodyScope + "patch_embed.norm"}},
	})
}

// stage is the first of a backbone, or, where drop path spares no block, the second: the first block of
// all has none.
func (m *Module) stage(t *testing.T) {
	x, blocks, heads := m.Find(t, "input", "x"), 0, 0
	for _, y := range m.Tensors {
		if strings.HasSuffix(y.Name, ".relative_position_bias_table") {
			blocks, heads = blocks+1, y.Shape[1]
		}
	}
	batch, channels := x.Shape[0], x.Shape[2]
	m.cfg.Backbone.EmbedDims, m.cfg.Backbone.NumHeads = channels, []int{heads, 2 * heads, 4 * heads, 8 * heads}
	cfg, s, drop, from := m.cfg.Backbone, 0, 0.0, bodyScope+"patch_embed.norm"
	cfg.Depths = []int{blocks, 1, 1, 1}
	if len(m.Uniform.Numbers) > 0 {
		cfg.Depths, cfg.EmbedDims, s, drop, from = []int{1, blocks, 1, 1}, channels/2, 1, 0.5, bodyScope+"stages.0.downsample.reduction"
		cfg.NumHeads = []int{1, heads, 2 * heads, 4 * heads}
		m.moved = strings.NewReplacer("stages.1.", "stages.0.")
		m.rates = m.dropRates(t)
	}
	at := fmt.Sprint(bodyScope, "stages.", s, ".")
	made := []port{{name: "out", path: fmt.Sprint(at, "blocks.", blocks-1)}}
	if slices.ContainsFunc(m.Tensors, func(y Tensor) bool { return y.Role == "output" && y.Name == "down" }) {
		made = append(made, port{name: "down", path: at + "downsample.reduction"})
	}
	g := m.body(t, cfg, drop, batch, m.Grid[0]*cfg.PatchSize<<s, m.Grid[1]*cfg.PatchSize<<s, from)
	m.end(t, g, Run{Inputs: map[string][]float32{from: x.Content()}, given: []port{{name: "x", path: from}}, made: made})
}

// dropRates are those of each branch, which the manifest has in its description alone.
func (m *Module) dropRates(t *testing.T) (list []float64) {
	t.Helper()
	_, text, _ := strings.Cut(m.What, "drop path ")
	var first, second float64
	if n, err := fmt.Sscanf(text, "%f and %f", &first, &second); n != 2 {
		t.Fatalf("%s: %q does not say the rates of drop path: %v", m.ID, m.What, err)
	}
	return []float64{first, first, second, second}
}

func (m *Module) bert(t *testing.T) {
	c := m.Text
	m.cfg.Text = glip.TextConfig{
		VocabSize: c.Vocab, Hidden: c.Hidden, Layers: c.Layers, Heads: c.Heads, Intermediate: c.Intermediate, MaxPositions: c.Positions, Eps: m.cfg.Text.Eps,
	}
	m.cfg.MaxTokens = min(m.cfg.MaxTokens, c.Positions)
	g := built(t)(glip.RecordLanguage(m.cfg, glip.Language{Batch: len(m.IDs), Tokens: len(m.IDs[0])}))
	var mask []float32
	for _, row := range m.Attended {
		for _, v := range row {
			mask = append(mask, (1-v)*glip.Masked)
		}
	}
	out := port{name: "out", path: g.Nodes[g.Outputs[0]].Path}
	if strings.Contains(m.What, "valid rows") {
		out.pulls = func(item, row int) bool { return m.Attended[item][row] == 1 }
		out.counts = out.pulls
	}
	m.end(t, g, Run{Inputs: map[string][]float32{"ids": slices.Concat(m.IDs...), "mask": mask}, made: []port{out}})
}

// deform is a deformable convolution, and in some cases a norm.
func (m *Module) deform(t *testing.T) {
	b, r := graph.NewBuilder(), Run{Inputs: map[string][]float32{}}
	var in []graph.Value
	for _, name := range []string{"x", "offset", "mask"} {
		x := m.Find(t, "input", name)
		in = append(in, b.In(name).Input(x.Shape[0], x.Shape[2], x.Shape[3], x.Shape[1]))
		r.Inputs[name] = channelsLast(x.Content(), x.Shape)
		r.given = append(r.given, port{name: name, path: name})
	}
	om := b.In("om").Record(graph.ConcatChannels{}, in[1], in[2])
	op, s, channels := graph.DeformConv{Stride: max(m.Stride, 1), Pad: 1}, b.In("case", m.ID), m.Find(t, "output", "out").Shape[1]
	normed := slices.ContainsFunc(m.Tensors, func(x Tensor) bool { return strings.HasSuffix(x.Name, ".bn.weight") })
	y := graph.Value{}
	if normed {
		y = s.In("bn").GroupNorm(s.In("conv").DeformConv(in[0], om, channels, 3, op), graph.GroupNorm{Groups: m.cfg.Groups, Eps: 1e-5})
	} else {
		y = s.DeformConv(in[0], om, channels, 3, op)
	}
	r.made = []port{{name: "out", path: b.Path(y)}}
	m.end(t, built(t)(b.Build()), r)
}

func (m *Module) dropBlock(t *testing.T) {
	x := m.Find(t, "input", "x")
	b := graph.NewBuilder()
	d := graph.Dice{Counter: b.In("counter").Input(2)}
	y := d.ThinBlocks(b, b.In("x").Input(x.Shape[0], x.Shape[2], x.Shape[3], x.Shape[1]), 0.3, 3)
	m.end(t, built(t)(b.Build()), Run{
		Inputs: map[string][]float32{"x": channelsLast(x.Content(), x.Shape)}, given: []port{{name: "x", path: "x"}}, made: []port{{name: "out", path: b.Path(y)}},
	})
}

// thrown puts the random numbers of the case in place of the graph's.
func (m *Module) thrown(t *testing.T, g *graph.Graph, r Run) *graph.Graph {
	t.Helper()
	g = &graph.Graph{Nodes: slices.Clone(g.Nodes), Outputs: g.Outputs}
	read, k := reads(g), 0
	for id, n := range g.Nodes {
		o, ok := n.Op.(graph.Keep)
		if !ok || k == len(m.Uniform.Numbers) && !read[id] {
			continue
		}
		if k == len(m.Uniform.Numbers) {
			t.Fatalf("%s: the graph throws dice at %s, the original not", m.ID, n.Path)
		}
		rate, kept := o.Rate, float32(1/(1-o.Rate))
		if m.rates != nil {
			rate, kept = m.rates[k], float32(1/(1-m.rates[k]))
		}
		numbers := m.Uniform.Numbers[k].content(m.Seed)
		for i, u := range numbers {
			switch {
			case strings.HasSuffix(n.Path, "seeds"): // as rare as what is kept, and the original counts from the other end
				numbers[i] = 0
				if float64(u) < 1-rate {
					numbers[i] = kept
				}
			case m.rates != nil && !(float64(u) < 1-rate), m.rates == nil && float64(u) < rate:
				numbers[i] = 0
			default:
				numbers[i] = kept
			}
		}
		r.Inputs[n.Path] = cut(numbers, squeezed(m.Uniform.Numbers[k].Shape), squeezed(n.Shape))
		given(g, graph.ID(id))
		k++
	}
	if k < len(m.Uniform.Numbers) {
		t.Fatalf("%s: the graph throws dice %d times, the original %d times", m.ID, k, len(m.Uniform.Numbers))
	}
	return g
}

// reads says of each node whether an output depends on it.
func reads(g *graph.Graph) []bool {
	read := make([]bool, len(g.Nodes))
	for _, id := range g.Outputs {
		read[id] = true
	}
	for id := len(g.Nodes) - 1; id >= 0; id-- {
		for _, operand := range g.Nodes[id].Inputs {
			read[operand] = read[operand] || read[id]
		}
	}
	return read
}
