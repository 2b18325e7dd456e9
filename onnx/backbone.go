package onnx

import (
	"fmt"

	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/swin"
)

// Backbone is a Swin as [swin.Record] records it: input "image" [batch, 3, height, width], normalised, blue first, and an output "stage1"
// and so on for each of cfg.OutIndices, [batch, C, h, w]. A batch of [AnyBatch] is left open. Errors are those of swin.Record.
func Backbone(cfg swin.Config, in swin.Input) (*Model, error) {
	w, err := recorded("backbone", in.Batch, false, func(batch int) (*graph.Graph, error) {
		in.Batch = batch
		return swin.Record(cfg, in)
	})
	if err != nil {
		return nil, err
	}
	image := w.graph.Inputs()[0]
	w.input(image, w.float("image", w.graph.Nodes[image].Shape, imageIs))
	var out []Named
	for i, id := range w.graph.Outputs {
		out = append(out, Named{id, fmt.Sprint("stage", cfg.OutIndices[i]), fmt.Sprintf("the normed map of stage %d, channels first", cfg.OutIndices[i])})
	}
	if err := w.outputs(out...); err != nil {
		return nil, err
	}
	return w.model(), nil
}

// imageIs says what is in the input "image".
const imageIs = "pictures, blue before green before red, normalised; see preprocessing"
