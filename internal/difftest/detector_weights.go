package difftest

import (
	"fmt"
	"strings"

	"github.com/glipvk/glipvk/bind"
	"github.com/glipvk/glipvk/glip"
	"github.com/glipvk/glipvk/synthetic"
)

// Weights are those of the case: by formula under the official names, bound like an
// official checkpoint.
func (c *DetectorCase) Weights() (Weights, error) {
	cfg, err := c.Config()
	if err != nil {
		return nil, err
	}
	formula := synthetic.Detector{Seed: c.Seed, Overrides: c.Overrides}
	var tensors []synthetic.Declared
	for _, p := range glip.OfficialParams(cfg) {
		tensors = append(tensors, synthetic.Declared(p))
	}
	file, err := synthetic.NewCheckpoint(tensors, formula)
	if err != nil {
		return nil, fmt.Errorf("difftest: %s: %w", c.ID, err)
	}
	bound, err := glip.Bind(file, cfg, bind.Options{})
	if err != nil {
		return nil, fmt.Errorf("difftest: %s: %w", c.ID, err)
	}
	return detectorWeights{bound, formula}, nil
}

// detectorWeights are those of a detector, and those that a case names itself.
type detectorWeights struct {
	bound   *bind.Weights
	formula synthetic.Detector
}

// Tensor implements [Weights].
func (w detectorWeights) Tensor(name string, shape []int) ([]float32, error) {
	if strings.HasPrefix(name, "case.") {
		return w.formula.Tensor(name, shape)
	}
	return w.bound.Tensor(name, shape)
}
