package glipvk

import (
	"errors"

	"github.com/glipvk/glipvk/bind"
	"github.com/glipvk/glipvk/glip"
	"github.com/glipvk/glipvk/loader"
	"github.com/glipvk/glipvk/synthetic"
)

// openWeights finds the weights that the options name. Of a checkpoint the index is read
// and bound; synthetic weights are bound like an official checkpoint.
func (d *Detector) openWeights() error {
	o := d.options
	seed, formula, err := syntheticSeed(o.Weights)
	if err != nil {
		return err
	}
	if !formula && len(o.Overrides) > 0 {
		return blame(errors.New("glipvk: overrides replace synthetic weights, and these are of a checkpoint; leave them out"))
	}
	var src bind.Source
	d.release = func() error { return nil }
	if formula {
		var tensors []synthetic.Declared
		for _, p := range glip.OfficialParams(d.config) {
			tensors = append(tensors, synthetic.Declared(p))
		}
		src, err = synthetic.NewCheckpoint(tensors, synthetic.Detector{Seed: seed, Overrides: o.Overrides})
		if err != nil {
			return blame(err)
		}
	} else {
		file, err := loader.Open(o.Weights)
		if err != nil {
			return blame(err)
		}
		src, d.release = file, file.Close
	}
	bound, err := glip.Bind(src, d.config, bind.Options{AllowNonFinite: o.AllowNonFinite})
	if err != nil {
		return blame(errors.Join(err, d.release()))
	}
	d.source = bound
	return nil
}
