package train

import (
	"context"
	"fmt"

	"github.com/glipvk/glipvk/glip"
	"github.com/glipvk/glipvk/graph"
)

// Blocks, among [Options.Recompute], stands for everything that a detector has a number of: the blocks of the
// backbone, the layers of the text encoder, and the tower's.
const Blocks = "blocks"

// blocks are the globs that Blocks stands for.
var blocks = []string{"backbone.body.stages.*.blocks.*", "language_backbone.body.model.encoder.layer.*", "rpn.head.dyhead_tower.*"}

// recomputed are globs of the scopes that are computed again.
func (o Options) recomputed() (globs []string) {
	for _, glob := range o.Recompute {
		if glob == Blocks {
			globs = append(globs, blocks...)
		} else {
			globs = append(globs, glob)
		}
	}
	return globs
}

// Memory is what a training takes, in bytes.
type Memory struct {
	Weights   int64 `json:"weights"`   // that are trained
	Moments   int64 `json:"moments"`   // of the trained weights, with their averages
	Gradients int64 `json:"gradients"` // and losses
	Frozen    int64 `json:"frozen"`    // weights that are not trained
	Step      int64 `json:"step"`      // what a step works in
}

// Total is all of it.
func (m Memory) Total() int64 { return m.Weights + m.Moments + m.Gradients + m.Frozen + m.Step }

// String is one line, in MB.
func (m Memory) String() string {
	mb := func(bytes int64) float64 { return float64(bytes) / 1e6 }
	return fmt.Sprintf("%.0f MB: %.0f of weights, %.0f of moments, %.0f of gradients, %.0f that a step works in",
		mb(m.Total()), mb(m.Weights+m.Frozen), mb(m.Moments), mb(m.Gradients), mb(m.Step))
}

// Memory tells what steps of a size take, without taking it. Pictures and the program itself come on top.
func (t *Trainer) Memory(ctx context.Context, s glip.Training) (m Memory, err error) {
	s.Random = t.options.Mode.random(t.options.Random)
	for _, p := range t.cfg.Params() {
		if n := 4 * int64(graph.Shape(p.Shape).Elements()); t.options.Mode.Trains(p.Name, t.options.Frozen) {
			m.Weights += n
		} else {
			m.Frozen += n
		}
	}
	m.Gradients, m.Moments = m.Weights+4*4, 2*m.Weights
	if t.options.Average > 0 {
		m.Moments += m.Weights
	}
	m.Step, err = t.step.Bytes(ctx, s)
	return m, err
}
