package train

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/glipvk/glipvk/engine"
	"github.com/glipvk/glipvk/executor"
	"github.com/glipvk/glipvk/glip"
	"github.com/glipvk/glipvk/graph"
)

// ErrMemory is wrapped where a step takes more memory than the device has left, or than [Options.Memory] allows; nothing has
// changed. Remedy: the message says what would fit.
var ErrMemory = errors.New("too little memory")

// fits refuses sizes whose steps take more than is allowed, before they take it.
func (t *Trainer) fits(ctx context.Context, s glip.Training) error {
	if t.options.Memory == 0 || t.fitting[s] {
		return nil
	}
	need, err := t.Need(ctx, s)
	if err == nil && need.Total() > t.options.Memory {
		err = t.tooLarge(ctx, s, need, fmt.Errorf("Options.Memory is %.0f MB", mb(t.options.Memory)))
	}
	if err == nil {
		t.fitting[s] = true
	}
	return err
}

// explained says of an error of a step what would fit, if it is about memory.
func (t *Trainer) explained(ctx context.Context, s glip.Training, err error) error {
	if !errors.Is(err, engine.ErrOutOfMemory) || errors.Is(err, ErrMemory) {
		return err
	}
	need, failed := t.Need(ctx, s)
	if failed != nil {
		return errors.Join(err, failed)
	}
	return t.tooLarge(ctx, s, need, err)
}

// tooLarge is the error about a step of a size.
func (t *Trainer) tooLarge(ctx context.Context, s glip.Training, need Memory, cause error) error {
	advice, err := t.advice(ctx, s, need)
	if err != nil {
		return errors.Join(cause, err)
	}
	return fmt.Errorf("train: %w: a step of %d pictures of %d x %d takes %s (%w); %s", ErrMemory, s.Batch, s.Height, s.Width, need, cause, advice)
}

// advice says what takes less, and how much.
func (t *Trainer) advice(ctx context.Context, s glip.Training, need Memory) (string, error) {
	var list []string
	size := s
	add := func(what string, s glip.Training, recompute []string) error {
		saved, err := t.saved(ctx, size, s, recompute)
		m := need
		if m.Step -= saved; err == nil && m.Total() < need.Total() {
			list = append(list, fmt.Sprintf("%s %.0f MB", what, mb(m.Total())))
		}
		return err
	}
	err := add("with Options.Recompute "+Blocks, s, []string{Blocks})
	if one := s; err == nil && s.Batch > 1 {
		one.Batch = 1
		err = add("with Course.Batch 1", one, t.options.Recompute)
		if err == nil {
			err = add("with both", one, []string{Blocks})
		}
	}
	if len(list) > 0 {
		list[0] = "it would take " + list[0]
	}
	if saved := need.Moments + need.Averages + need.Gradients; t.options.Mode != Prompt {
		list = append(list, fmt.Sprintf("Options.Mode %s would save most of the %.0f MB of moments, averages and gradients", Prompt, mb(saved)))
	}
	return strings.Join(append(list, "smaller pictures take less too"), ", "), err
}

// saved is how much less a step works in that has another size, or some scopes computed again.
func (t *Trainer) saved(ctx context.Context, size, other glip.Training, recompute []string) (int64, error) {
	size.Random, other.Random = t.chance(), t.chance()
	whole, err := t.step.Bytes(ctx, size)
	if err != nil {
		return 0, err
	}
	o := t.options
	o.Recompute = recompute
	part := executor.NewPart(t.executor, executor.Recording[glip.Training]{Name: "step", Record: func(s glip.Training) (*graph.Graph, error) {
		return t.recordAs(s, o)
	}})
	less, err := part.Bytes(ctx, other)
	return whole - less, err
}
