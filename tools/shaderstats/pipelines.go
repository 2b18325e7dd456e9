package main

import (
	"fmt"

	"github.com/glipvk/glipvk/engine"
	"github.com/glipvk/glipvk/shaders"
)

// use is a pipeline and who uses it.
type use struct {
	by   string // model and precision, "GLIP-T/f32"
	path string // of the operation
	spec engine.PipelineSpec
}

// pipelines lists what GLIP-T (224) and GLIP-L (384) need on a device, f32 and f16.
func pipelines(info engine.Info) ([]use, error) {
	var uses []use
	for _, c := range [][]uint32{{64, 1, 0, 0, 64, 64, 16, 8, 8}, {64, 1, 1, 0, 64, 32, 16, 8, 4}, {64, 1, 0, 1, 32, 64, 16, 4, 8}} {
		code, err := shaders.Code("gemm_tiled")
		if err != nil {
			return nil, err
		}
		uses = append(uses, use{"GLIP-T/f32", fmt.Sprint("made up for ", info.Kind), engine.PipelineSpec{Label: "gemm_tiled", Code: code, Bindings: 5, PushBytes: 68, Constants: c}})
	}
	return uses, nil
}
