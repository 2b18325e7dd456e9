package train

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/glipvk/glipvk/dataset"
	"github.com/glipvk/glipvk/executor"
	"github.com/glipvk/glipvk/graph"
)

// The phases of a step, as [Trainer.Profile] names them in [executor.Timing]. What clips the gradients belongs to the
// update; the front are frozen parts, which a picture that is remembered does not take.
const (
	Front    = "front"
	Forward  = "forward"
	Backward = "backward"
	Update   = "update"
)

// stepPart is what the part is called that has a forward and a backward phase.
const stepPart = "step"

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
	Front    int64 `json:"front,omitempty"` // of frozen parts that are remembered, for all pictures of a batch
	Forward  int64 `json:"forward"`
	Backward int64 `json:"backward"`
}

// Sum is all of it: what a step takes whose pictures come for the first time.
func (w Work) Sum() int64 { return w.Front + w.Forward + w.Backward }

// Work counts a step on a batch: as it is recorded, of which executors may share products between gradients ([graph.Stats]
// has what they execute), and as the original computes it, with captions of the model's full length and the cross
// attention in its direct form.
func (t *Trainer) Work(samples ...dataset.Sample) (recorded, direct Work, err error) {
	b, err := t.batch(samples)
	if err != nil {
		return recorded, direct, err
	}
	g, err := t.record(b.size)
	if err != nil {
		return recorded, direct, err
	}
	recorded = work(g)
	if t.front != nil {
		if g, err = t.front.part.Record(t.front.size(b.size)); err != nil {
			return recorded, direct, err
		}
		recorded.Front = int64(b.size.Batch) * g.Count().MultiplyAdds
	}
	b.size.Tokens = t.cfg.MaxTokens
	if g, err = t.recorded(b.size, false); err == nil {
		direct = work(g)
	}
	return recorded, direct, err
}

func work(g *graph.Graph) (w Work) {
	for id, n := range g.Nodes {
		if phase(n.Path) == Backward {
			w.Backward += g.MultiplyAdds(graph.ID(id))
		} else {
			w.Forward += g.MultiplyAdds(graph.ID(id))
		}
	}
	return w
}

// trained are the paths of the weights that are trained.
func (t *Trainer) trained() (names []string) {
	for _, p := range t.params {
		names = append(names, p.Name)
	}
	return names
}

// Stats describe the programs of a step on a batch, which are made if they are not there: of losses and gradients, and of the
// updates.
func (t *Trainer) Stats(ctx context.Context, samples ...dataset.Sample) (step, update graph.Stats, err error) {
	b, err := t.batch(samples)
	if err == nil {
		step, err = t.step.Stats(ctx, b.size)
	}
	for i, c := range t.chunks {
		var one graph.Stats
		if err == nil {
			one, err = t.update.Stats(ctx, c.like)
		}
		update = update.Add(one, c.like != i)
	}
	return step, update, err
}

// Profile is [Trainer.Step] with a clock on every dispatch. [executor.Timing.Part] is [Front], [Forward], [Backward] or
// [Update]; of the front there are only pictures that are not remembered.
func (t *Trainer) Profile(ctx context.Context, samples ...dataset.Sample) (l Losses, list []executor.Timing, err error) {
	t.clock = &list
	defer func() { t.clock = nil }()
	l, err = t.Step(ctx, samples...)
	return l, list, err
}

// run computes a part in place of what earlier results hold, or makes new ones where there are none. Where a step is profiled it
// does so with a clock.
func run[K comparable](ctx context.Context, t *Trainer, p *executor.Part[K], size K, over []executor.Value, in ...executor.Value) ([]executor.Value, error) {
	if over == nil {
		made, err := p.Run(ctx, size, in...)
		if err != nil || t.clock == nil {
			return made, err
		}
		over = made
	}
	if t.clock == nil {
		return over, p.RunOver(ctx, size, over, in...)
	}
	list, err := p.ProfileOver(ctx, size, over, in...)
	for _, x := range list {
		if x.Part == stepPart {
			x.Part = phase(x.Path)
		}
		*t.clock = append(*t.clock, x)
	}
	return over, err
}

// Executor is what the training computes with, to be measured. The trainer closes it.
func (t *Trainer) Executor() *executor.Executor { return t.executor }

// CloseWithin is Close for the end of a program. See [executor.Executor.CloseWithin].
func (t *Trainer) CloseWithin(ctx context.Context, grace time.Duration) error {
	t.once.Do(func() { t.closed = errors.Join(t.executor.CloseWithin(ctx, grace), t.loaded.Close()) })
	return t.closed
}
