package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/cpu"
	"github.com/glipvk/glipvk/glip"
	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/internal/compare"
	"github.com/glipvk/glipvk/internal/ort"
	"github.com/glipvk/glipvk/onnx"
	"github.com/glipvk/glipvk/rewrite"
	"github.com/glipvk/glipvk/swin"
	"github.com/glipvk/glipvk/synthetic"
)

// export is a model of ours that this run writes as ONNX and runs in ONNX Runtime, whose numbers are compared with those of our CPU.
type export struct {
	detector      bool
	height, width int // of the padded input
	tokens        int // of a detector's caption
}

// bertWords is the size of the vocabulary of bert-base-uncased.
const bertWords = 30522

// exportWeights are those of exported models, by formula; bench has the same.
const exportWeights = "synthetic:1"

// agreement is how far an output of ONNX Runtime is from ours.
type agreement struct {
	Work   string  `json:"work"`
	Engine string  `json:"engine"`
	Output string  `json:"output"`
	L2     float64 `json:"relative_l2"`
	Most   float64 `json:"most"`             // difference of an element
	Agree  bool    `json:"agree"`            // all outputs are within the bounds
	Reason string  `json:"reason,omitempty"` // why there is no figure
}

// agrees is the largest relative L2 of two right computations in 32 bits of the same model, with weights by formula: PyTorch's own float32 is
// up to 1e-4 from its float64 (the goldens' manifests), and ten times that is what executors are allowed there.
const agrees = 1e-3

// file is where an export of a work lies.
func (p *prepared) file(w work, absorb bool) string {
	name := strings.NewReplacer(" ", "-", ",", "").Replace(w.name)
	if absorb {
		name += "-absorbed"
	}
	return filepath.Join(p.scratch, name+".onnx")
}

// inputs of an exported model, in the order of the recorded graph, as ONNX Runtime takes them and as ours does.
type inputs struct {
	theirs []ort.Tensor
	ours   [][]float32
}

// inputs makes a picture by formula and a caption of made-up tokens.
func (e *export) inputs(words int) inputs {
	picture := synthetic.Picture(e.height, e.width, 7)
	image := make([]float32, 3*e.height*e.width)
	for i := range picture {
		image[i%3*e.height*e.width+i/3] = (float32(picture[i]) - 116) / 57
	}
	in := inputs{[]ort.Tensor{ort.Floats("image", []int{1, 3, e.height, e.width}, image)}, [][]float32{image}}
	if !e.detector {
		return in
	}
	ids, ones := make([]float32, e.tokens), make([]float32, e.tokens)
	for i := range ids {
		ids[i], ones[i] = float32((1000+137*i)%words), 1
	}
	shape := []int{1, e.tokens}
	in.theirs = append(in.theirs, ort.Integers("input_ids", shape, ids), ort.Integers("attention_mask", shape, ones))
	in.ours = append(in.ours, ids, make([]float32, e.tokens), ones) // ids, nothing masked, one label of all tokens
	return in
}

// bound are the weights of a work's model.
func (w work) bound() (*glipvk.Bound, error) {
	o := glipvk.Options{Weights: exportWeights}
	if w.export.detector {
		return glipvk.BindDetector(w.model, glipvk.DetectorOptions{Options: o})
	}
	return glipvk.BindBackbone(w.model, glipvk.BackboneOptions{Options: o})
}

// write writes the model of a work as ONNX.
func (w work) write(path string, absorb bool) (err error) {
	b, err := w.bound()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	var m *onnx.Model
	if e := w.export; e.detector {
		m, err = onnx.Detector(*b.Info().Detector, onnx.DetectorOptions{Batch: 1, Height: e.height, Width: e.width, Tokens: e.tokens, Labels: 1, Raw: true, Absorb: absorb})
	} else {
		m, err = onnx.Backbone(b.Info().Backbone, swin.Input{Batch: 1, Height: e.height, Width: e.width})
	}
	if err != nil {
		return err
	}
	_, err = m.Write(path, b, onnx.Auto)
	return err
}

// getExports writes the models of the works; why says why that of a work is not there.
func (p *prepared) getExports(ctx context.Context, list []work, say func(string, ...any)) {
	p.noExport = map[string]string{}
	for _, w := range list {
		for _, absorb := range []bool{false, true} {
			if w.export == nil || absorb && !w.export.detector || p.noORT != "" || ctx.Err() != nil {
				continue
			}
			path := p.file(w, absorb)
			say("writing %s", filepath.Base(path))
			if err := w.write(path, absorb); err != nil {
				p.noExport[path] = "export: " + err.Error()
			}
		}
	}
}

// record is the graph that ours runs, and the values that are compared, by the names of the model's outputs. Ours takes
// the absorbed form, as users get it.
func (w work) record(info glipvk.Info) (g *graph.Graph, names []string, ids []graph.ID, err error) {
	e := w.export
	if !e.detector {
		if g, err = swin.Record(info.Backbone, swin.Input{Batch: 1, Height: e.height, Width: e.width}); err != nil {
			return nil, nil, nil, err
		}
		for _, stage := range info.Backbone.OutIndices {
			names = append(names, fmt.Sprint("stage", stage))
		}
		return g, names, g.Outputs, nil
	}
	if g, err = glip.Record(*info.Detector, glip.Grounding{Height: e.height, Width: e.width, Tokens: e.tokens, Labels: 1}); err == nil {
		g, _, err = rewrite.Absorb(g, nil)
	}
	if err != nil {
		return nil, nil, nil, err
	}
	level := 3
	for _, id := range g.Outputs {
		if _, ok := g.Nodes[id].Op.(graph.Candidates); ok {
			in := g.Nodes[id].Inputs
			names = append(names, fmt.Sprint("logits_p", level), fmt.Sprint("centerness_p", level), fmt.Sprint("box_regression_p", level))
			ids = append(ids, g.Nodes[in[0]].Inputs[0], in[1], in[2])
			level++
		}
	}
	return g, names, ids, nil
}

// compute is what our CPU makes of the inputs, by the names of the model's outputs.
func (w work) compute(ctx context.Context) (in inputs, values map[string][]float32, err error) {
	b, err := w.bound()
	if err != nil {
		return in, nil, err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	info := b.Info()
	g, names, ids, err := w.record(info)
	if err != nil {
		return in, nil, err
	}
	packed, err := cpu.Pack(ctx, g, b, cpu.PackOptions{})
	if err != nil {
		return in, nil, err
	}
	program, err := cpu.Compile(g, packed, cpu.Options{Keep: ids})
	if err != nil {
		return in, nil, err
	}
	defer program.Close()
	in = w.export.inputs(bertWords)
	results, err := program.Run(ctx, in.ours...)
	if err != nil {
		return in, nil, err
	}
	values = map[string][]float32{}
	for i, name := range names {
		values[name] = results[len(g.Outputs)+i]
	}
	return in, values, nil
}

// compare runs the exports once and compares their numbers with ours, of each the output that is furthest.
func (p *prepared) compare(ctx context.Context, list []work, say func(string, ...any)) (found []agreement) {
	for _, w := range list {
		if w.export == nil {
			continue
		}
		for _, e := range w.engines() {
			if e.name == oursCPU.name {
				continue
			}
			say("comparing the numbers of %s, %s", w.name, e.name)
			a := agreement{Work: w.name, Engine: e.name, Agree: true}
			if err := p.agree(ctx, w, p.file(w, e.name == ortAbsorbed.name), &a); err != nil {
				a.Agree, a.Reason = false, err.Error()
			}
			found = append(found, a)
		}
	}
	return found
}

// agree compares one export with ours.
func (p *prepared) agree(ctx context.Context, w work, path string, a *agreement) error {
	switch {
	case p.noORT != "":
		return errors.New(p.noORT)
	case p.noNode != "":
		return errors.New(p.noNode)
	case p.noExport[path] != "":
		return errors.New(p.noExport[path])
	}
	in, ours, err := w.compute(ctx)
	if err != nil {
		return err
	}
	job := ort.Job{Model: path, Provider: "cpu", Threads: runtime.NumCPU(), Outputs: true, Inputs: in.theirs}
	results, err := ort.Runtime{Node: p.node, Module: p.ort}.Run(ctx, job)
	if err != nil {
		return err
	}
	if results[0].Error != "" {
		return errors.New(results[0].Error)
	}
	for name, want := range ours {
		got, err := results[0].Output(name)
		if err != nil {
			return err
		}
		if len(got) != len(want) {
			return fmt.Errorf("%s has %d elements, want %d", name, len(got), len(want))
		}
		d := compare.Values(name, got, want).Within(compare.Bounds{RelativeL2: agrees, RelativeAbsolute: 10 * agrees})
		if d.NonFinite > 0 {
			return fmt.Errorf("%s has %d elements that are no numbers", name, d.NonFinite)
		}
		if d.RelativeL2 > a.L2 || a.Output == "" {
			a.Output, a.L2, a.Most = name, d.RelativeL2, d.MaxAbs
		}
		a.Agree = a.Agree && d.OK()
	}
	return nil
}
