package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/engine"
	"github.com/glipvk/glipvk/glip"
	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/kernels"
	"github.com/glipvk/glipvk/rewrite"
	"github.com/glipvk/glipvk/swin"
)

// use is a pipeline and who uses it.
type use struct {
	by   string // model and precision, "GLIP-T/f32"
	path string // of the first operation that needs it
	spec engine.PipelineSpec
}

// model is a graph that pipelines are made for.
type model struct {
	name  string
	graph *graph.Graph
}

// models are the named backbones at their default input sizes, and the whole GLIP-T detector, in the form that is
// executed, for a picture of evaluation and a caption of 20 tokens; GLIP-L's takes the same pipelines but for its backbone.
func models() ([]model, error) {
	var list []model
	for _, m := range glipvk.Models() {
		if m.Detector != nil {
			continue
		}
		g, err := swin.Record(m.Backbone, swin.Input{Batch: 1, Height: m.Height, Width: m.Width})
		if err != nil {
			return nil, err
		}
		list = append(list, model{m.Nickname, g})
	}
	cfg, err := glip.Preset("glip-t")
	if err != nil {
		return nil, err
	}
	g, err := glip.Record(cfg, glip.Grounding{Height: 800, Width: 1344, Tokens: 20, Labels: 6})
	if err == nil {
		g, _, err = rewrite.Absorb(g, nil)
	}
	return append(list, model{"detector", g}), err
}

// pipelines lists what every model needs on a device, f32 and f16, and in f16 what its products become on cooperative
// matrices, which a device that has them may get by measurement.
func pipelines(info engine.Info) ([]use, error) {
	list, err := models()
	if err != nil {
		return nil, err
	}
	var uses []use
	for _, m := range list {
		for _, precision := range []kernels.Precision{kernels.F32, kernels.F16} {
			by := m.name + "/" + string(precision)
			got, why, err := kernels.Settle(info, precision)
			if err == nil && got != precision {
				err = fmt.Errorf("the device gets %s: %s", got, why)
			}
			if err != nil {
				return nil, fmt.Errorf("%s: %w", by, err)
			}
			for _, variant := range []string{"", "coop"} {
				if variant != "" && precision != kernels.F16 {
					continue
				}
				list, err := kernels.Pipelines(m.graph, info, precision, variant, kernels.Options{})
				if variant != "" && errors.Is(err, engine.ErrUnsupported) {
					continue
				}
				if err != nil {
					return nil, fmt.Errorf("%s %s: %w", by, variant, err)
				}
				for _, p := range list {
					uses = append(uses, use{strings.TrimSuffix(by+"/"+variant, "/"), p.Path, p.Spec})
				}
			}
		}
	}
	return uses, nil
}
