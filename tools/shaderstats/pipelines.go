package main

import (
	"errors"
	"fmt"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/engine"
	"github.com/glipvk/glipvk/kernels"
	"github.com/glipvk/glipvk/swin"
)

// use is a pipeline and who uses it.
type use struct {
	by   string // model and precision, "GLIP-T/f32"
	path string // of the first operation that needs it
	spec engine.PipelineSpec
}

// pipelines lists what every named model needs on a device at its default input size, one picture at a time, f32 and f16, and
// in f16 what its products become on cooperative matrices, which a device that has them may get by measurement.
func pipelines(info engine.Info) ([]use, error) {
	var uses []use
	for _, m := range glipvk.Models() {
		g, err := swin.Record(m.Config, swin.Input{Batch: 1, Height: m.Height, Width: m.Width})
		if err != nil {
			return nil, err
		}
		for _, precision := range []kernels.Precision{kernels.F32, kernels.F16} {
			by := m.Nickname + "/" + string(precision)
			got, why, err := kernels.Settle(info, precision)
			if err == nil && got != precision {
				err = fmt.Errorf("the device gets %s: %s", got, why)
			}
			if err != nil {
				return nil, fmt.Errorf("%s: %w", by, err)
			}
			list, err := kernels.Pipelines(g, info, kernels.UploadOptions{Precision: precision}, kernels.Options{})
			if err != nil {
				return nil, fmt.Errorf("%s: %w", by, err)
			}
			for _, p := range list {
				uses = append(uses, use{by, p.Path, p.Spec})
			}
			if precision != kernels.F16 {
				continue
			}
			list, err = kernels.Pipelines(g, info, kernels.UploadOptions{Precision: precision, Variant: "coop"}, kernels.Options{})
			if err != nil && !errors.Is(err, engine.ErrUnsupported) {
				return nil, fmt.Errorf("%s on cooperative matrices: %w", by, err)
			}
			for _, p := range list {
				uses = append(uses, use{by + "/coop", p.Path, p.Spec})
			}
		}
	}
	return uses, nil
}
