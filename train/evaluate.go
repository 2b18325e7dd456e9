package train

import (
	"context"
	"fmt"
	"strings"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/dataset"
	"github.com/glipvk/glipvk/eval"
	"github.com/glipvk/glipvk/executor"
	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/picture"
)

// Detector opens a detector with the weights as they are. The caller closes it.
func (t *Trainer) Detector(ctx context.Context) (*glipvk.Detector, error) {
	now := map[string][]float32{}
	for i, p := range t.params {
		data := make([]float32, graph.Shape(p.Shape).Elements())
		if err := t.state.weights[i].Download(ctx, data); err != nil {
			return nil, err
		}
		now[p.Name] = data
	}
	return t.loaded.With(current{t.source, now}, t.cfg).Open(ctx)
}

// current are weights of which some have changed.
type current struct {
	executor.Source
	now map[string][]float32
}

func (c current) Tensor(name string, shape []int) ([]float32, error) {
	if data, changed := c.now[name]; changed {
		return data, nil
	}
	return c.Source.Tensor(name, shape)
}

// Evaluate detects the categories of a set in its pictures and measures what is found, with the boxes that GLIP writes for
// COCO's evaluation. Pictures that cannot be read count as if the set had them not; passed says which, and why.
func Evaluate(ctx context.Context, d *glipvk.Detector, set *dataset.Set, limits picture.Limits) (e *eval.Evaluation, passed []string, err error) {
	seen := dataset.Set{Categories: set.Categories}
	var found []eval.Found
	q := glipvk.Query{Classes: set.Names()}
	for _, p := range set.Pictures {
		decoded, err := picture.Open(ctx, p.Path, limits)
		if ctx.Err() != nil {
			return nil, passed, ctx.Err()
		}
		if err != nil {
			passed = append(passed, err.Error())
			continue
		}
		list, err := d.Detect(ctx, q, decoded)
		if err != nil {
			return nil, passed, fmt.Errorf("%s: %w", p.Path, err)
		}
		for _, f := range list[0] {
			box := eval.FromCorners(float32(f.Box.X1), float32(f.Box.Y1), float32(f.Box.X2), float32(f.Box.Y2))
			found = append(found, eval.Found{Picture: p.ID, Category: set.Categories[f.Label-1].ID, Box: box, Score: f.Score})
		}
		seen.Pictures = append(seen.Pictures, p)
	}
	if len(seen.Pictures) == 0 {
		return nil, passed, fmt.Errorf("train: none of %d pictures to measure on can be read: %s", len(passed), strings.Join(passed[:min(len(passed), 3)], "; "))
	}
	e, err = eval.COCO(ctx, seen.Truths(), found, eval.Params{})
	return e, passed, err
}
