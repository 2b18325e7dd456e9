package difftest

import (
	"encoding/json"
	"errors"
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

// PlanModule records the module that a case of group modules or bert is about: one graph
// for each picture or caption of the case. Cases that are no graph are an error.
func (c *DetectorCase) PlanModule() ([]DetectorRun, error) {
	kind, _, _ := strings.Cut(c.ID, ".")
	plan := map[string]func(*modulePlan) ([]DetectorRun, error){
		"fpn": (*modulePlan).pyramid, "vlfuse": (*modulePlan).fusion, "bertlayer": (*modulePlan).textLayer,
		"dcn": (*modulePlan).deform, "dyrelu": (*modulePlan).dynamicReLU, "dyconv": (*modulePlan).dyConv, "heads": (*modulePlan).heads,
	}[kind]
	if c.Group == "bert" {
		plan = (*modulePlan).encoder
	}
	if plan == nil {
		return nil, fmt.Errorf("difftest: case %s is no module of the graph", c.ID)
	}
	cfg, err := c.Config()
	if err != nil {
		return nil, err
	}
	p := &modulePlan{DetectorCase: c, cfg: cfg}
	runs, err := plan(p)
	if err == nil {
		err = p.err
	}
	return runs, err
}

// PlanSelection records what follows the head's predictions for a case of post-processing, whose
// candidates are the graph's outputs.
func (c *DetectorCase) PlanSelection(in glip.Grounding) (DetectorRun, error) {
	cfg, err := c.Config()
	if err != nil {
		return DetectorRun{}, err
	}
	p := &modulePlan{DetectorCase: c, cfg: cfg}
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
	if err != nil || p.err != nil {
		return r, errors.Join(err, p.err)
	}
	r.Inputs = append(r.Inputs, owned)
	r.Graph, err = glip.RecordSelection(cfg, grids, in)
	return r, err
}

// modulePlan keeps the first error of reading inputs.
type modulePlan struct {
	*DetectorCase
	cfg glip.Config
	err error
}

// input is a stored input of one picture, [H, W, C] if it is a map.
func (p *modulePlan) input(name string, item int) []float32 {
	data, err := p.Stored(name)
	t, _ := p.Tensor(name)
	if err != nil {
		if p.err == nil {
			p.err = err
		}
		return nil
	}
	return channelsLast(t.Whole, data, item)
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
	t, ok := p.Tensor(name)
	if !ok || len(t.Whole) != 4 {
		if p.err == nil {
			p.err = fmt.Errorf("difftest: %s has no map %s", p.ID, name)
		}
		return swin.Grid{Height: 1, Width: 1}
	}
	return swin.Grid{Height: t.Whole[2], Width: t.Whole[3]}
}

func (p *modulePlan) pyramid() ([]DetectorRun, error) {
	var grids [3]swin.Grid
	r := DetectorRun{}
	for i := range grids {
		name := fmt.Sprint("c", i+3)
		grids[i] = p.size(name)
		r.Inputs = append(r.Inputs, p.input(name, 0))
	}
	for l, path := range pyramidPaths {
		r.Taps = append(r.Taps, DetectorTap{Tensor: fmt.Sprint("p", l+3), Paths: []string{path}})
	}
	var err error
	r.Graph, err = glip.RecordPyramid(p.cfg, grids)
	return []DetectorRun{r}, err
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
	if err := json.Unmarshal(p.Valid, &one); err != nil && p.err == nil {
		p.err = fmt.Errorf("difftest: %s: valid %s: %w", p.ID, p.Valid, err)
	}
	return []int{one}
}

// fusion plans VLFuse for the tokens of each caption and, as each row of text looks at all
// positions whatever the others are, the text side once more with the padding.
func (p *modulePlan) fusion() (runs []DetectorRun, err error) {
	rows := p.rows("lang")
	for item, tokens := range p.valid() {
		r, err := p.fusionOf(item, tokens)
		if err != nil {
			return nil, err
		}
		runs = append(runs, r)
		if tokens == rows {
			continue
		}
		if r, err = p.fusionOf(item, rows); err != nil {
			return nil, err
		}
		r.Taps = slices.DeleteFunc(r.Taps, func(tap DetectorTap) bool { return tap.Tensor != "out_lang" && tap.Tensor != "delta_l" })
		runs = append(runs, r)
	}
	return runs, nil
}

// fusionOf is VLFuse of one picture and that many rows of its text.
func (p *modulePlan) fusionOf(item, rows int) (r DetectorRun, err error) {
	const tower = "rpn.head.dyhead_tower.0."
	grids, maps := p.levels(item)
	r.Inputs = append(maps, p.text("lang", item, rows), make([]float32, rows))
	for l := range grids {
		r.Taps = append(r.Taps, DetectorTap{fmt.Sprint("out_visual", l), []string{fmt.Sprint(tower, "p", l+3)}, item})
	}
	r.Taps = append(r.Taps, DetectorTap{"out_lang", []string{tower + "lang"}, item},
		DetectorTap{"delta_v", []string{tower + "b_attn.attn.out_v_proj"}, item},
		DetectorTap{"delta_l", []string{tower + "b_attn.attn.out_l_proj"}, item})
	r.Graph, err = glip.RecordFusion(p.cfg, 0, grids, rows)
	return r, err
}

// rows is how many rows a stored text has, padding included.
func (p *modulePlan) rows(name string) int {
	t, ok := p.Tensor(name)
	if !ok || len(t.Whole) != 3 {
		if p.err == nil {
			p.err = fmt.Errorf("difftest: %s has no text %s", p.ID, name)
		}
		return 1
	}
	return t.Whole[1]
}

// PlanPadded plans VLFuse or a text layer as if the padding of the text were part of it, which
// is what the original computes without its mask.
func (c *DetectorCase) PlanPadded() (DetectorRun, error) {
	cfg, err := c.Config()
	if err != nil {
		return DetectorRun{}, err
	}
	p := &modulePlan{DetectorCase: c, cfg: cfg}
	var r DetectorRun
	if rows := p.rows("lang"); p.has("delta_l") {
		r, err = p.fusionOf(0, rows)
	} else {
		r, err = p.textLayerOf(rows)
	}
	return r, errors.Join(err, p.err)
}

// text is the first rows of a caption.
func (p *modulePlan) text(name string, item, tokens int) []float32 {
	data := p.input(name, item)
	if p.err != nil {
		return nil
	}
	return data[:tokens*p.cfg.Text.Hidden]
}

func (p *modulePlan) textLayer() ([]DetectorRun, error) {
	r, err := p.textLayerOf(p.valid()[0])
	return []DetectorRun{r}, err
}

// textLayerOf is the text layer of that many rows.
func (p *modulePlan) textLayerOf(rows int) (DetectorRun, error) {
	g, err := glip.RecordTextLayer(p.cfg, 1, rows)
	return DetectorRun{
		Graph: g, Inputs: [][]float32{p.text("lang", 0, rows), make([]float32, rows)},
		Taps: []DetectorTap{{Tensor: "out", Paths: []string{"rpn.head.dyhead_tower.1.output.clamped"}}},
	}, err
}

// deform builds the deformable convolution of a case; that with a norm has weights of its own names.
func (p *modulePlan) deform() ([]DetectorRun, error) {
	x, _ := p.Tensor("x")
	offset, _ := p.Tensor("offset")
	out, ok := p.Tensor("out")
	if !ok || len(x.Whole) != 4 || len(offset.Whole) != 4 {
		return nil, fmt.Errorf("difftest: %s: x, offset and out are not there", p.ID)
	}
	b := graph.NewBuilder()
	in := b.In("x").Input(1, x.Whole[2], x.Whole[3], x.Whole[1])
	om := b.In("om").Input(1, offset.Whole[2], offset.Whole[3], 27)
	op := graph.DeformConv{Stride: max(p.Stride, 1), Pad: 1}
	if p.ID == "dcn.conv3x3norm" {
		s := b.In("case", "conv3x3norm")
		y := s.In("conv").DeformConv(in, om, out.Whole[1], 3, op)
		b.Output(s.In("bn").GroupNorm(y, graph.GroupNorm{Groups: 16, Eps: 1e-5}))
	} else {
		b.Output(b.In("case", p.ID).DeformConv(in, om, out.Whole[1], 3, op))
	}
	g, err := b.Build()
	if err != nil {
		return nil, err
	}
	return []DetectorRun{{
		Graph: g, Inputs: [][]float32{p.input("x", 0), joinChannels(p.input("offset", 0), 18, p.input("mask", 0), 9)},
		Taps: []DetectorTap{{Tensor: "out", Paths: []string{g.Nodes[g.Outputs[0]].Path}}},
	}}, nil
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

func (p *modulePlan) dynamicReLU() (runs []DetectorRun, err error) {
	x, _ := p.Tensor("x")
	for item := range x.Whole[0] {
		r := DetectorRun{Inputs: [][]float32{p.input("x", item)}, Taps: []DetectorTap{
			{"coef", []string{"rpn.head.dyhead_tower.2.relu.fc.3"}, item}, {"out", []string{"rpn.head.dyhead_tower.2.p3"}, item},
		}}
		if r.Graph, err = glip.RecordDynamicReLU(p.cfg, 2, p.size("x")); err != nil {
			return nil, err
		}
		runs = append(runs, r)
	}
	return runs, nil
}

func (p *modulePlan) dyConv() ([]DetectorRun, error) {
	const tower = "rpn.head.dyhead_tower.2."
	grids, maps := p.levels(0)
	r := DetectorRun{Inputs: maps}
	gates := DetectorTap{Tensor: "attn"}
	for l := range grids {
		r.Taps = append(r.Taps, DetectorTap{Tensor: fmt.Sprint("offset", l), Paths: []string{repeated(tower+"offset", l)}},
			DetectorTap{Tensor: fmt.Sprint("mean", l), Paths: []string{repeated(tower+"mean", l)}},
			DetectorTap{Tensor: fmt.Sprint("out", l), Paths: []string{fmt.Sprint(tower, "p", l+3)}})
	}
	for k := range 13 { // 2 branches on the first and last level, 3 on the others
		gates.Paths = append(gates.Paths, repeated(tower+"AttnConv.2", k))
	}
	r.Taps = append(r.Taps, gates)
	var err error
	r.Graph, err = glip.RecordDyConv(p.cfg, 2, grids)
	return []DetectorRun{r}, err
}

// repeated is the path of the (k+1)st value of a scope.
func repeated(path string, k int) string {
	if k == 0 {
		return path
	}
	return fmt.Sprintf("%s#%d", path, k+1)
}

func (p *modulePlan) heads() ([]DetectorRun, error) {
	grids, maps := p.levels(0)
	hidden, _ := p.Tensor("hidden")
	tokens := hidden.Whole[1]
	r := DetectorRun{Inputs: append(maps, p.input("hidden", 0), make([]float32, tokens)), Taps: headTaps("", "%s%d", 0)}
	var err error
	r.Graph, err = glip.RecordHead(p.cfg, grids, glip.Grounding{Tokens: tokens, Labels: 1})
	return []DetectorRun{r}, err
}

// headTaps are the head's predictions, named by a format of what and of the level's
// number, which is counted from first.
func headTaps(prefix, format string, first int) []DetectorTap {
	var taps []DetectorTap
	for l := range glip.Levels {
		for _, x := range []struct{ name, path string }{
			{"bbox", fmt.Sprint("rpn.head.bbox.p", l+3)},
			{"centerness", repeated("rpn.head.centerness", l)},
			{"dot", fmt.Sprint("rpn.head.dot.p", l+3)},
		} {
			taps = append(taps, DetectorTap{Tensor: prefix + fmt.Sprintf(format, x.name, l+first), Paths: []string{x.path}})
		}
	}
	return taps
}
