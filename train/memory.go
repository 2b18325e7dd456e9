package train

import (
	"context"
	"fmt"
	"runtime"
	"runtime/metrics"

	"github.com/glipvk/glipvk/glip"
	"github.com/glipvk/glipvk/grad"
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

// checkRecompute refuses globs that fit nothing of a step.
func (o Options) checkRecompute(step *graph.Graph) error {
	if _, err := grad.Recompute(step, o.recomputed()...); err != nil {
		return fmt.Errorf("train: %w: %w", ErrOptions, err)
	}
	return nil
}

// again is a step with what is computed again; what there is of it in frozen parts is not in the graph of a step.
func (o Options) again(g *graph.Graph) (*graph.Graph, error) {
	var there []string
	for _, glob := range o.recomputed() {
		ids, err := g.Match(glob + ".**")
		if err != nil {
			return nil, err
		}
		if len(ids) > 0 {
			there = append(there, glob)
		}
	}
	return grad.Recompute(g, there...)
}

// litter is how many bytes are left lying before they are collected.
const litter = 256 << 20

// sweep collects garbage where there is much. Left alone the runtime waits until there is as much of it as there are weights,
// moments and gradients, of which none ever is.
func (t *Trainer) sweep() {
	list := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	if metrics.Read(list); list[0].Value.Kind() != metrics.KindUint64 {
		return
	}
	if now := list[0].Value.Uint64(); now-t.swept > litter {
		t.swept = now
		runtime.GC()
	}
}

// Memory is what a training takes, in bytes of 32-bit values.
type Memory struct {
	Tensors   int   `json:"tensors"` // that are trained
	Weights   int64 `json:"weight_bytes"`
	Moments   int64 `json:"moment_bytes"`
	Averages  int64 `json:"average_bytes,omitempty"`
	Gradients int64 `json:"gradient_bytes"`
	Frozen    int64 `json:"frozen_bytes"`         // weights that are not trained
	Step      int64 `json:"step_bytes,omitempty"` // what a step works in, where a size was given
}

// Total is all of it.
func (m Memory) Total() int64 {
	return m.Weights + m.Moments + m.Averages + m.Gradients + m.Frozen + m.Step
}

// String is what there is of it, in MB.
func (m Memory) String() string {
	return fmt.Sprintf("%.0f MB: %.0f of weights, %.0f of moments and averages, %.0f of gradients, %.0f that a step works in",
		mb(m.Total()), mb(m.Weights+m.Frozen), mb(m.Moments+m.Averages), mb(m.Gradients), mb(m.Step))
}

func mb(bytes int64) float64 { return float64(bytes) / 1e6 }

// Memory says how much is trained, and what the trainer keeps from step to step, with the gradients of one. Pictures, what is
// remembered of them, and the program itself come on top.
func (t *Trainer) Memory() (m Memory) {
	m.Tensors = len(t.params)
	trained := map[string]bool{}
	for _, p := range t.params {
		trained[p.Name] = true
		m.Weights += 4 * int64(graph.Shape(p.Shape).Elements())
	}
	for _, p := range t.cfg.Params() {
		if !trained[p.Name] {
			m.Frozen += 4 * int64(graph.Shape(p.Shape).Elements())
		}
	}
	m.Moments, m.Gradients = 2*m.Weights, m.Weights
	if t.options.Average > 0 {
		m.Averages = m.Weights
	}
	return m
}

// Need is [Trainer.Memory] with what steps of a size work in. Nothing is taken for that; the rates of chance are the trainer's.
func (t *Trainer) Need(ctx context.Context, s glip.Training) (m Memory, err error) {
	s.Random = t.chance()
	m = t.Memory()
	m.Step, err = t.step.Bytes(ctx, s)
	for i, c := range t.chunks {
		if err != nil || c.like != i {
			continue
		}
		var bytes int64
		bytes, err = t.update.Bytes(ctx, i)
		m.Step += bytes
	}
	return m, err
}
