package train

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/glipvk/glipvk/dataset"
	"github.com/glipvk/glipvk/glip"
	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/text"
)

// batch is what a step is given.
type batch struct {
	size   glip.Training
	inputs map[string][]float32 // by path
}

// batched puts samples side by side: pictures padded with 0 to the largest height and width, captions
// to the longest. Sums over a batch depend in their last bits on its order, and so does what falls by chance: samples are
// put into an order of their own, so that a batch gives the same bits however it is handed over.
func batched(cfg glip.Config, tokenizer *text.Tokenizer, samples []dataset.Sample) (b batch, err error) {
	s := &b.size
	s.Batch = len(samples)
	captions, objects := make([][]int32, s.Batch), make([][]glip.Object, s.Batch)
	s.Objects = 1
	sorted := make([]dataset.Sample, s.Batch)
	for i, from := range settled(samples) {
		x := samples[from]
		sorted[i] = x
		if x.Input.Batch != 1 || len(x.Input.Data) != 3*x.Input.Height*x.Input.Width {
			return b, fmt.Errorf("train: %w: sample %d has %d pictures, %d values for %d x %d, want one picture", graph.ErrShape, from, x.Input.Batch, len(x.Input.Data), x.Input.Height, x.Input.Width)
		}
		s.Height, s.Width = max(s.Height, x.Input.Height), max(s.Width, x.Input.Width)
		e, err := tokenizer.Encode(x.Caption)
		if err != nil {
			return b, fmt.Errorf("train: sample %d: %w", from, err)
		}
		e = e.Truncated(cfg.MaxTokens)
		captions[i] = e.IDs()
		s.Tokens, s.Objects = max(s.Tokens, len(captions[i])), max(s.Objects, len(x.Things))
		for _, thing := range x.Things {
			objects[i] = append(objects[i], glip.Object{Box: thing.Box, Label: thing.Label, Tokens: dataset.Tokens(e, thing.Spans)})
		}
	}
	s.Tokens, s.Objects = glip.RoundTokens(s.Tokens, cfg.MaxTokens), glip.RoundLabels(s.Objects, 0)
	return b, b.fill(cfg, sorted, captions, objects)
}

// settled is that of the samples of a batch in the graph, by what they hold.
func settled(samples []dataset.Sample) []int {
	list := make([]int, len(samples))
	for i := range list {
		list[i] = i
	}
	slices.SortStableFunc(list, func(i, j int) int {
		a, b := samples[i], samples[j]
		return cmp.Or(cmp.Compare(a.Input.Height, b.Input.Height), cmp.Compare(a.Input.Width, b.Input.Width), cmp.Compare(a.Caption, b.Caption),
			slices.Compare(a.Input.Data, b.Input.Data), cmp.Compare(fmt.Sprint(a.Things), fmt.Sprint(b.Things)))
	})
	return list
}

// fill makes the inputs of the batch's size.
func (b *batch) fill(cfg glip.Config, samples []dataset.Sample, captions [][]int32, objects [][]glip.Object) error {
	s := b.size
	image := make([]float32, s.Batch*3*s.Height*s.Width)
	ids, mask := make([]float32, s.Batch*s.Tokens), make([]float32, s.Batch*s.Tokens)
	lengths := make([]int, s.Batch)
	for i, x := range samples {
		for row := range 3 * x.Input.Height {
			channel, y := row/x.Input.Height, row%x.Input.Height
			copy(image[((i*3+channel)*s.Height+y)*s.Width:], x.Input.Data[row*x.Input.Width:][:x.Input.Width])
		}
		for k := range s.Tokens {
			if mask[i*s.Tokens+k] = glip.Masked; k < len(captions[i]) {
				ids[i*s.Tokens+k], mask[i*s.Tokens+k] = float32(captions[i][k]), 0
			}
		}
		lengths[i] = len(captions[i])
	}
	t, err := glip.NewTargets(cfg, s, lengths, objects)
	if err != nil {
		return err
	}
	b.inputs = map[string][]float32{"image": image, "ids": ids, "mask": mask}
	for i, data := range t.Inputs() {
		b.inputs[glip.TargetPaths()[i]] = data
	}
	return nil
}
