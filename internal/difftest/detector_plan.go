package difftest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/glipvk/glipvk/glip"
	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/swin"
)

// DetectorRun is a graph with what it is to be run on, and the tensors it is to give.
type DetectorRun struct {
	Graph  *graph.Graph
	Inputs [][]float32
	Taps   []DetectorTap
}

// DetectorTap says which values of the graph, one after the other, are a stored tensor, or,
// of a tensor of several pictures, one of them; of text, its first rows.
type DetectorTap struct {
	Tensor string
	Paths  []string
	Item   int // of the tensor's first size
}

// tap adds one of the whole tensor.
func (r *DetectorRun) tap(tensor string, paths ...string) {
	r.Taps = append(r.Taps, DetectorTap{Tensor: tensor, Paths: paths})
}

// PlanModule records the module that a case of group modules or bert is about: one graph
// for each picture or caption of the case. Cases that are no graph are an error.
func (c *DetectorCase) PlanModule() ([]DetectorRun, error) {
	kind, _, _ := strings.Cut(c.ID, ".")
	plan := map[string]func(*modulePlan) []DetectorRun{
		"fpn": (*modulePlan).pyramid, "vlfuse": (*modulePlan).fusion, "bertlayer": (*modulePlan).textLayer,
		"dcn": (*modulePlan).deform, "dyrelu": (*modulePlan).dynamicReLU, "dyconv": (*modulePlan).dyConv, "heads": (*modulePlan).heads,
	}[kind]
	if c.Group == "bert" {
		plan = (*modulePlan).encoder
	}
	if plan == nil {
		return nil, fmt.Errorf("difftest: case %s is no module of the graph", c.ID)
	}
	p := c.plan()
	runs := plan(p)
	return runs, p.err
}

// PlanSelection records what follows the head's predictions for a case of post-processing, whose
// candidates are the graph's outputs.
func (c *DetectorCase) PlanSelection(in glip.Grounding) (DetectorRun, error) {
	p := c.plan()
	in.Tokens, in.Labels = c.Tokens, len(c.Positive)
	dot := p.input("dot", 0)
	r := DetectorRun{}
	var grids []swin.Grid
	for l := range glip.Levels {
		g := p.size(fmt.Sprint("bbox", l))
		n := min(g.Height*g.Width*c.Tokens, len(dot))
		grids = append(grids, g)
		r.Inputs = append(r.Inputs, dot[:n], p.input(fmt.Sprint("centerness", l), 0), p.input(fmt.Sprint("bbox", l), 0))
		dot = dot[n:]
	}
	owned, err := c.Owned(in.Labels, in.Tokens)
	p.fail(err)
	r.Inputs = append(r.Inputs, owned)
	r.Graph = p.recorded(glip.RecordSelection(p.cfg, grids, in))
	return r, p.err
}

// modulePlan keeps the first error of reading inputs and of recording.
type modulePlan struct {
	*DetectorCase
	cfg glip.Config
	err error
}

func (c *DetectorCase) plan() *modulePlan {
	cfg, err := c.Config()
	return &modulePlan{c, cfg, err}
}

func (p *modulePlan) fail(err error) { p.err = cmp.Or(p.err, err) }

// recorded is a graph, once nothing has failed.
func (p *modulePlan) recorded(g *graph.Graph, err error) *graph.Graph {
	p.fail(err)
	return g
}

// input is a stored input of one picture, [H, W, C] if it is a map.
func (p *modulePlan) input(name string, item int) []float32 {
	data, err := p.Stored(name)
	if p.fail(err); err != nil {
		return nil
	}
	t, _ := p.Tensor(name)
	return channelsLast(t.Whole, data, item)
}

// shape is that of a stored tensor of some rank, ones where there is none.
func (p *modulePlan) shape(name string, rank int) graph.Shape {
	t, ok := p.Tensor(name)
	if !ok || len(t.Whole) != rank {
		p.fail(fmt.Errorf("difftest: %s has no tensor %s with %d axes", p.ID, name, rank))
		return slices.Repeat(graph.Shape{1}, rank)
	}
	return t.Whole
}

// channelsLast cuts item out of a tensor and turns [C, H, W] into [H, W, C]; what is no map
// stays.
func channelsLast(shape []int, data []float32, item int) []float32 {
	n := len(data) / shape[0]
	data = data[item*n:][:n]
	if len(shape) != 4 {
		return data
	}
	c, pixels := shape[1], shape[2]*shape[3]
	out := make([]float32, n)
	for i, v := range data {
		out[i%pixels*c+i/pixels] = v
	}
	return out
}

// size is the map size of a stored [B, C, H, W].
func (p *modulePlan) size(name string) swin.Grid {
	s := p.shape(name, 4)
	return swin.Grid{Height: s[2], Width: s[3]}
}

func (p *modulePlan) pyramid() []DetectorRun {
	grids := make([]swin.Grid, 3)
	r := DetectorRun{}
	for i := range grids {
		name := fmt.Sprint("c", i+3)
		grids[i] = p.size(name)
		r.Inputs = append(r.Inputs, p.input(name, 0))
	}
	for l, path := range pyramidPaths {
		r.tap(fmt.Sprint("p", l+3), path)
	}
	r.Graph = p.recorded(glip.RecordPyramid(p.cfg, glip.Module{Grids: grids}))
	return []DetectorRun{r}
}

// pyramidPaths are those of P3..P7.
var pyramidPaths = []string{
	"backbone.fpn.fpn_layer2", "backbone.fpn.fpn_layer3", "backbone.fpn.fpn_layer4", "backbone.fpn.top_blocks.p6", "backbone.fpn.top_blocks.p7",
}

// levels are the map sizes and the maps of one picture.
func (p *modulePlan) levels(item int) (grids []swin.Grid, maps [][]float32) {
	for l := range glip.Levels {
		name := fmt.Sprint("visual", l)
		grids, maps = append(grids, p.size(name)), append(maps, p.input(name, item))
	}
	return grids, maps
}

// valid are the tokens of each caption that are no padding.
func (p *modulePlan) valid() []int {
	var list []int
	if json.Unmarshal(p.Valid, &list) == nil {
		return list
	}
	var one int
	if err := json.Unmarshal(p.Valid, &one); err != nil {
		p.fail(fmt.Errorf("difftest: %s: valid %s: %w", p.ID, p.Valid, err))
	}
	return []int{one}
}

// fusion plans VLFuse for the tokens of each caption and, as each row of text looks at all
// positions whatever the others are, the text side once more with the padding.
func (p *modulePlan) fusion() (runs []DetectorRun) {
	rows := p.rows("lang")
	for item, tokens := range p.valid() {
		runs = append(runs, p.fusionOf(item, tokens))
		if tokens != rows {
			r := p.fusionOf(item, rows)
			r.Taps = slices.DeleteFunc(r.Taps, func(tap DetectorTap) bool { return tap.Tensor != "out_lang" && tap.Tensor != "delta_l" })
			runs = append(runs, r)
		}
	}
	return runs
}

// fusionOf is VLFuse of one picture and that many rows of its text.
func (p *modulePlan) fusionOf(item, rows int) (r DetectorRun) {
	const tower = "rpn.head.dyhead_tower.0."
	grids, maps := p.levels(item)
	r.Inputs = append(maps, p.text("lang", item, rows), make([]float32, rows))
	for l := range grids {
		r.tap(fmt.Sprint("out_visual", l), fmt.Sprint(tower, "p", l+3))
	}
	r.tap("out_lang", tower+"lang")
	r.tap("delta_v", tower+"b_attn.attn.out_v_proj")
	r.tap("delta_l", tower+"b_attn.attn.out_l_proj")
	for i := range r.Taps {
		r.Taps[i].Item = item
	}
	r.Graph = p.recorded(glip.RecordFusion(p.cfg, 0, glip.Module{Grids: grids, Tokens: rows}))
	return r
}

// rows is how many rows a stored text has, padding included.
func (p *modulePlan) rows(name string) int { return p.shape(name, 3)[1] }

// PlanPadded plans VLFuse or a text layer as if the padding of the text were part of it, which
// is what the original computes without its mask.
func (c *DetectorCase) PlanPadded() (DetectorRun, error) {
	p := c.plan()
	rows := p.rows("lang")
	if p.has("delta_l") {
		return p.fusionOf(0, rows), p.err
	}
	return p.textLayerOf(rows), p.err
}

// text is the first rows of a caption.
func (p *modulePlan) text(name string, item, tokens int) []float32 {
	data := p.input(name, item)
	if p.err != nil {
		return nil
	}
	return data[:tokens*p.cfg.Text.Hidden]
}

func (p *modulePlan) textLayer() []DetectorRun { return []DetectorRun{p.textLayerOf(p.valid()[0])} }

// textLayerOf is the text layer of that many rows.
func (p *modulePlan) textLayerOf(rows int) DetectorRun {
	r := DetectorRun{Inputs: [][]float32{p.text("lang", 0, rows), make([]float32, rows)}}
	r.tap("out", "rpn.head.dyhead_tower.1.output.clamped")
	r.Graph = p.recorded(glip.RecordTextLayer(p.cfg, 1, glip.Module{Tokens: rows}))
	return r
}

// deform builds the deformable convolution of a case; that with a norm has weights of its own names.
func (p *modulePlan) deform() []DetectorRun {
	x, offset, channels := p.shape("x", 4), p.shape("offset", 4), p.shape("out", 4)[1]
	b := graph.NewBuilder()
	in := b.In("x").Input(1, x[2], x[3], x[1])
	om := b.In("om").Input(1, offset[2], offset[3], 27)
	op := graph.DeformConv{Stride: max(p.Stride, 1), Pad: 1}
	if p.ID == "dcn.conv3x3norm" {
		s := b.In("case", "conv3x3norm")
		y := s.In("conv").DeformConv(in, om, channels, 3, op)
		b.Output(s.In("bn").GroupNorm(y, graph.GroupNorm{Groups: 16, Eps: 1e-5}))
	} else {
		b.Output(b.In("case", p.ID).DeformConv(in, om, channels, 3, op))
	}
	r := DetectorRun{Inputs: [][]float32{p.input("x", 0), joinChannels(p.input("offset", 0), 18, p.input("mask", 0), 9)}}
	if r.Graph = p.recorded(b.Build()); r.Graph != nil {
		r.tap("out", r.Graph.Nodes[r.Graph.Outputs[0]].Path)
	}
	return []DetectorRun{r}
}

// joinChannels puts the channels of two maps [.., C] side by side.
func joinChannels(a []float32, channelsA int, b []float32, channelsB int) []float32 {
	var out []float32
	for len(a) >= channelsA && len(b) >= channelsB {
		out = append(append(out, a[:channelsA]...), b[:channelsB]...)
		a, b = a[channelsA:], b[channelsB:]
	}
	return out
}

func (p *modulePlan) dynamicReLU() (runs []DetectorRun) {
	for item := range p.shape("x", 4)[0] {
		runs = append(runs, DetectorRun{
			Graph: p.recorded(glip.RecordDynamicReLU(p.cfg, 2, glip.Module{Grids: []swin.Grid{p.size("x")}})), Inputs: [][]float32{p.input("x", item)},
			Taps: []DetectorTap{
				{"coef", []string{"rpn.head.dyhead_tower.2.relu.fc.3"}, item}, {"out", []string{"rpn.head.dyhead_tower.2.p3"}, item},
			},
		})
	}
	return runs
}

func (p *modulePlan) dyConv() []DetectorRun {
	const tower = "rpn.head.dyhead_tower.2."
	grids, maps := p.levels(0)
	r := DetectorRun{Inputs: maps, Graph: p.recorded(glip.RecordDyConv(p.cfg, 2, glip.Module{Grids: grids}))}
	for l := range grids {
		r.tap(fmt.Sprint("offset", l), repeated(tower+"offset", l))
		r.tap(fmt.Sprint("mean", l), repeated(tower+"mean", l))
		r.tap(fmt.Sprint("out", l), fmt.Sprint(tower, "p", l+3))
	}
	var gates []string
	for k := range 13 { // 2 branches on the first and last level, 3 on the others
		gates = append(gates, repeated(tower+"AttnConv.2", k))
	}
	r.tap("attn", gates...)
	return []DetectorRun{r}
}

// repeated is the path of the (k+1)st value of a scope.
func repeated(path string, k int) string {
	if k == 0 {
		return path
	}
	return fmt.Sprintf("%s#%d", path, k+1)
}

func (p *modulePlan) heads() []DetectorRun {
	grids, maps := p.levels(0)
	tokens := p.rows("hidden")
	r := DetectorRun{Inputs: append(maps, p.input("hidden", 0), make([]float32, tokens))}
	for l := range grids {
		r.tap(fmt.Sprint("bbox", l), fmt.Sprint("rpn.head.bbox.p", l+3))
		r.tap(fmt.Sprint("centerness", l), repeated("rpn.head.centerness", l))
		r.tap(fmt.Sprint("dot", l), fmt.Sprint("rpn.head.dot.p", l+3))
	}
	r.Graph = p.recorded(glip.RecordHead(p.cfg, grids, glip.Grounding{Tokens: tokens, Labels: 1}))
	return []DetectorRun{r}
}
