package goldtrain

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/glipvk/glipvk/bind"
	"github.com/glipvk/glipvk/glip"
	"github.com/glipvk/glipvk/grad"
	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/internal/difftest"
	"github.com/glipvk/glipvk/swin"
	"github.com/glipvk/glipvk/synthetic"
)

// Module is a case of a part of the detector: what to run, and with which weights.
type Module struct {
	*Case
	Runs []Run // the gradients of all are added up
	facts
	cfg    glip.Config
	bound  *bind.Weights
	moved  *strings.Replacer  // from the paths of the graph to those of the weights
	factor map[string]float32 // of weights whose paths end so
	rates  []float64          // of what falls by chance, if not those of the graph
}

// facts are what the manifest says of a module.
type facts struct {
	What      string
	Seed      uint64
	Grid      [2]int
	Levels    [][2]int
	Valid     []int
	Stride    int
	IDs       [][]float32 `json:"input_ids"`
	Attended  [][]float32 `json:"attention_mask"`
	Overrides map[string]string
	Clamped   any
	Text      struct{ Hidden, Layers, Heads, Intermediate, Vocab, Positions int } `json:"config"`
	Uniform   struct{ Numbers []Uniform }
}

// Uniform names numbers from 0 to below 1.
type Uniform struct {
	Name  string
	Shape graph.Shape
}

// Run is a graph that ends with the loss at path "loss", and the values of its inputs by path.
type Run struct {
	Graph  *graph.Graph
	Inputs map[string][]float32
	given  []port // whose gradients are wanted
	made   []port // the outputs
}

// port ties a tensor of the case to a value of the graph.
type port struct {
	name, path string
	first      bool                     // the graph too has the channels of a map first
	counts     func(item, row int) bool // which rows are compared, nil for all
	pulls      func(item, row int) bool // which rows the loss takes, nil for all
}

// Modules are the cases of groups modules and stochastic that this package knows how to record.
func Modules(t *testing.T, group string) (list []*Module) {
	t.Helper()
	for _, c := range Cases(t, group) {
		m := &Module{Case: &c}
		c.Into(t, &m.facts)
		list = append(list, m)
	}
	return list
}

// Record records the case's runs.
func (m *Module) Record(t *testing.T) {
	t.Helper()
	kind, _, _ := strings.Cut(m.ID, ".")
	record := map[string]func(*Module, *testing.T){
		"patch_embed": (*Module).patchEmbed, "swin_stage": (*Module).stage, "droppath": (*Module).stage, "bert": (*Module).bert,
		"fpn": (*Module).pyramid, "vlfuse": (*Module).fusion, "textlayer": (*Module).textLayer, "dcn": (*Module).deform,
		"conv3x3norm": (*Module).deform, "dyrelu": (*Module).dynamicReLU, "dyconv": (*Module).dyConv, "heads": (*Module).heads,
		"prompt": (*Module).prompt, "dropblock": (*Module).dropBlock,
	}[kind]
	if record == nil {
		t.Fatalf("%s is of no kind that package goldtrain records", m.ID)
	}
	var err error
	if m.cfg, err = glip.Preset("glip-t"); err != nil {
		t.Fatal(err)
	}
	m.moved = strings.NewReplacer()
	record(m, t)
	m.weigh(t)
}

// weigh readies the weights, once the configuration is that of the case.
func (m *Module) weigh(t *testing.T) {
	t.Helper()
	m.bound = Weights(t, m.cfg, m.Seed, nil)
	m.factor = map[string]float32{}
	for suffix, change := range m.Overrides {
		var f float32
		if n, err := fmt.Sscanf(change, "times %g", &f); n != 1 || err != nil {
			t.Fatalf("%s: no override is called %q", m.ID, change)
		}
		m.factor[suffix] = f
	}
}

// Tensor gives the weights of the case.
func (m *Module) Tensor(path string, shape []int) (data []float32, err error) {
	path = m.moved.Replace(path)
	switch {
	case path == glip.PromptTable:
		return make([]float32, graph.Shape(shape).Elements()), nil
	case strings.HasPrefix(path, "case."):
		return synthetic.Detector{Seed: m.Seed}.Tensor(path, shape)
	}
	if data, err = m.bound.Tensor(path, shape); err != nil {
		return nil, err
	}
	for suffix, f := range m.factor {
		if strings.HasSuffix(path, suffix) {
			for i := range data {
				data[i] *= f
			}
		}
	}
	return data, nil
}

// Compute runs the case and returns its outputs and gradients by the names of their tensors.
func (m *Module) Compute(t *testing.T, e difftest.Executor) map[string][]float32 {
	t.Helper()
	all := map[string][]float32{}
	for _, r := range m.Runs {
		for name, data := range m.compute(t, e, r) {
			if sum := all[name]; sum != nil {
				for i, v := range data {
					sum[i] += v
				}
				continue
			}
			all[name] = data
		}
	}
	return all
}

func (m *Module) compute(t *testing.T, e difftest.Executor, r Run) map[string][]float32 {
	t.Helper()
	var paths []string
	for _, p := range r.given {
		paths = append(paths, p.path)
	}
	for _, id := range r.Graph.Params() {
		name := "grad." + glip.OfficialName(m.moved.Replace(r.Graph.Nodes[id].Path))
		if slices.ContainsFunc(m.Tensors, func(x Tensor) bool { return x.Name == name }) {
			paths = append(paths, r.Graph.Nodes[id].Path)
		}
	}
	g, err := grad.Reverse(r.Graph, "loss", paths...)
	if err != nil {
		t.Fatal(err)
	}
	taps := slices.Clone(g.Outputs[1:])
	for _, p := range r.made {
		taps = append(taps, at(t, g, p.path))
	}
	// What a program keeps is an output here, so that one program gives everything.
	g = &graph.Graph{Nodes: g.Nodes, Outputs: taps}
	var inputs [][]float32
	for _, id := range g.Inputs() {
		inputs = append(inputs, r.Inputs[g.Nodes[id].Path])
	}
	out, err := e.Run(t.Context(), g, m, inputs, taps)
	if err != nil {
		t.Fatal(err)
	}
	values := map[string][]float32{}
	for i, p := range r.given {
		values["grad."+p.name] = m.stored(t, "gradient", "grad."+p.name, p, r.Graph, out[i])
	}
	for i, path := range paths[len(r.given):] {
		name, data := glip.OfficialTensor(glip.Param{Name: m.moved.Replace(path), Shape: r.Graph.Nodes[at(t, r.Graph, path)].Shape}, out[len(r.given)+i])
		values["grad."+name] = data
	}
	for i, p := range r.made {
		values[p.name] = m.stored(t, "output", p.name, p, r.Graph, out[len(paths)+i])
	}
	return values
}

// stored is the value of a port as the case has it.
func (m *Module) stored(t *testing.T, role, name string, p port, g *graph.Graph, data []float32) []float32 {
	t.Helper()
	shape, want := g.Nodes[at(t, g, p.path)].Shape, m.Find(t, role, name).Shape
	if len(want) == 4 && !p.first {
		return channelsFirst(data, shape)
	}
	if p.counts != nil {
		data = masked(data, shape, p.counts)
	}
	if len(shape) == len(want) {
		data = cut(data, shape, want)
	}
	return data
}

// Compare wants everything that the case stores near.
func (m *Module) Compare(t *testing.T, values map[string][]float32) {
	t.Helper()
	compared := 0
	for _, x := range m.Tensors {
		if x.Role != "output" && x.Role != "gradient" {
			continue
		}
		got, ok := values[x.Name]
		if !ok {
			if x.AbsMax != 0 { // nothing reads it
				t.Errorf("%s: nothing computes %s", m.ID, x.Name)
			}
			continue
		}
		m.Near(t, x, got)
		compared++
	}
	if compared == 0 {
		t.Errorf("%s: nothing was compared", m.ID)
	}
}

// end closes a recording with the sum of the outputs times their cotangents.
func (m *Module) end(t *testing.T, g *graph.Graph, r Run) {
	t.Helper()
	b := graph.Continue(g)
	var sum graph.Value
	for i, p := range r.made {
		y := b.At(at(t, g, p.path))
		path := fmt.Sprint("cotangent.", i)
		one := b.In("part", i).Record(graph.SumTiles{To: graph.Shape{1}}, b.In("times", i).Mul(y, b.In("cotangent", i).Input(y.Shape()...)))
		if i > 0 {
			one = b.In("sum", i).Add(sum, one)
		}
		sum = one
		x := m.Find(t, "cotangent", p.name)
		data := x.Content()
		switch {
		case len(x.Shape) == 4 && !p.first:
			data = channelsLast(data, x.Shape)
		case len(x.Shape) == len(y.Shape()):
			data = cut(data, x.Shape, y.Shape())
		}
		if p.pulls != nil {
			data = masked(data, y.Shape(), p.pulls)
		}
		r.Inputs[path] = data
	}
	b.Output(b.In("loss").Scale(sum, 1))
	made, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	r.Graph = m.thrown(t, made, r)
	for _, id := range r.Graph.Inputs() { // what no tensor of the case is, the loss does not read
		if n := r.Graph.Nodes[id]; r.Inputs[n.Path] == nil {
			r.Inputs[n.Path] = make([]float32, n.Shape.Elements())
		}
	}
	m.Runs = append(m.Runs, r)
}

// at is the node of a path.
func at(t *testing.T, g *graph.Graph, path string) graph.ID {
	t.Helper()
	id, ok := g.Find(path)
	if !ok {
		t.Fatalf("the graph has no value %q", path)
	}
	return id
}

// grids are the sizes of the levels.
func (m *Module) grids() (list []swin.Grid) {
	for _, l := range m.Levels {
		list = append(list, swin.Grid{Height: l[0], Width: l[1]})
	}
	return list
}
