package train

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/glipvk/glipvk/dataset"
	"github.com/glipvk/glipvk/executor"
	"github.com/glipvk/glipvk/glip"
	"github.com/glipvk/glipvk/graph"
)

// The phases of a step, as [Trainer.Profile] names them in [executor.Timing]. What clips the gradients belongs to the
// update.
const (
	Forward  = "forward"
	Backward = "backward"
	Update   = "update"
)

// phase is that of a node of a step's graph.
func phase(path string) string {
	first, _, _ := strings.Cut(path, ".")
	switch first {
	case "grad":
		return Backward
	case "clip", "squares", "sum":
		return Update
	}
	return Forward
}

// Work are multiply-adds of a step, by phase; the update has none.
type Work struct {
	Forward  int64 `json:"forward"`
	Backward int64 `json:"backward"`
}

// Work counts a step on a batch: as it is executed, and as the original computes it, with captions of the model's full length
// and the cross attention in its direct form.
func (t *Trainer) Work(samples ...dataset.Sample) (executed, direct Work, err error) {
	b, err := t.batch(samples)
	if err == nil {
		executed, err = t.work(b.size, t.options.Mode.absorbs())
	}
	if err != nil {
		return executed, direct, err
	}
	b.size.Tokens = t.cfg.MaxTokens
	direct, err = t.work(b.size, false)
	return executed, direct, err
}

func (t *Trainer) work(s glip.Training, absorbed bool) (w Work, err error) {
	g, err := RecordStep(t.cfg, s, t.trained(), t.options.Clip, absorbed, t.options.Recompute...)
	if err != nil {
		return w, err
	}
	for id, n := range g.Nodes {
		if phase(n.Path) == Backward {
			w.Backward += g.MultiplyAdds(graph.ID(id))
		} else {
			w.Forward += g.MultiplyAdds(graph.ID(id))
		}
	}
	return w, nil
}

// trained are the paths of the weights that are trained.
func (t *Trainer) trained() (names []string) {
	for _, p := range t.params {
		names = append(names, p.Name)
	}
	return names
}

// Memory is what the trainer keeps from step to step, and the gradients of one, in bytes of 32-bit values.
type Memory struct {
	Tensors   int   `json:"tensors"` // that are trained
	Weights   int64 `json:"weight_bytes"`
	Moments   int64 `json:"moment_bytes"`
	Averages  int64 `json:"average_bytes,omitempty"`
	Gradients int64 `json:"gradient_bytes"`
}

// Memory says how much is trained and what that takes.
func (t *Trainer) Memory() (m Memory) {
	m.Tensors = len(t.params)
	for _, p := range t.params {
		m.Weights += 4 * int64(graph.Shape(p.Shape).Elements())
	}
	m.Moments, m.Gradients = 2*m.Weights, m.Weights
	if t.options.Average > 0 {
		m.Averages = m.Weights
	}
	return m
}

// Stats describe the programs of a step on a batch, which are made if they are not there: of losses and gradients, and of the
// updates.
func (t *Trainer) Stats(ctx context.Context, samples ...dataset.Sample) (step, update graph.Stats, err error) {
	b, err := t.batch(samples)
	if err == nil {
		step, err = t.step.Stats(ctx, b.size)
	}
	for chunk := range t.chunks {
		var one graph.Stats
		if err == nil {
			one, err = t.update.Stats(ctx, chunk)
		}
		update = update.Add(one, false)
	}
	return step, update, err
}

// Profile is [Trainer.Step] with a clock on every dispatch. [executor.Timing.Part] is [Forward], [Backward] or [Update].
func (t *Trainer) Profile(ctx context.Context, samples ...dataset.Sample) (l Losses, list []executor.Timing, err error) {
	t.clock = &list
	defer func() { t.clock = nil }()
	l, err = t.Step(ctx, samples...)
	return l, list, err
}

// run computes a part in place of what earlier results hold, if there are any, with a clock where a step is profiled.
func run[K comparable](ctx context.Context, t *Trainer, p *executor.Part[K], size K, over []executor.Value, in ...executor.Value) ([]executor.Value, error) {
	switch {
	case t.clock == nil && over == nil:
		return p.Run(ctx, size, in...)
	case t.clock == nil:
		return over, p.RunOver(ctx, size, over, in...)
	}
	out, list, err := p.ProfileOver(ctx, size, over, in...)
	if err != nil {
		return over, err
	}
	for _, x := range list {
		if x.Part != Update {
			x.Part = phase(x.Path)
		}
		*t.clock = append(*t.clock, x)
	}
	return out, nil
}

// Executor is what the training computes with, to be measured. The trainer closes it.
func (t *Trainer) Executor() *executor.Executor { return t.executor }

// CloseWithin is Close for the end of a program. See [executor.Executor.CloseWithin].
func (t *Trainer) CloseWithin(ctx context.Context, grace time.Duration) error {
	return errors.Join(t.executor.CloseWithin(ctx, grace), t.loaded.Close())
}
