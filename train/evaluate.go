package train

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/dataset"
	"github.com/glipvk/glipvk/eval"
	"github.com/glipvk/glipvk/glip"
	"github.com/glipvk/glipvk/picture"
	"github.com/glipvk/glipvk/text"
)

// Detector opens a detector with the weights as they are, on the CPU where the training goes on there. The caller closes it.
func (t *Trainer) Detector(ctx context.Context) (*glipvk.Detector, error) {
	now, err := t.Weights(ctx)
	if err != nil {
		return nil, err
	}
	device := ""
	if t.executor.Device().Lost != "" {
		device = "cpu"
	}
	return t.loaded.With(current{of: t, now: now}, t.cfg, device).Open(ctx)
}

// current are the weights of a trainer, of which some have changed.
type current struct {
	of  *Trainer
	now map[string][]float32
}

// Tensor reads one.
func (c current) Tensor(name string, shape []int) ([]float32, error) {
	if data, changed := c.now[name]; changed {
		return data, nil
	}
	data, err := c.of.source.Tensor(name, shape)
	if err != nil {
		return nil, err
	}
	return c.of.merge(glip.Param{Name: name, Shape: shape}, data, func(name string) ([]float32, error) { return c.now[name], nil })
}

// Evaluate detects with the weights as they are and measures what is found; passed are the pictures that could not be read.
func (t *Trainer) Evaluate(ctx context.Context, set *dataset.Set, limits picture.Limits) (e *eval.Evaluation, passed []string, err error) {
	return t.evaluate(ctx, evaluation{set: set, limits: limits})
}

// evaluate runs an evaluation with the weights as they are.
func (t *Trainer) evaluate(ctx context.Context, e evaluation) (result *eval.Evaluation, passed []string, err error) {
	if e.detector, err = t.Detector(ctx); err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, e.detector.Close()) }()
	return e.run(ctx)
}

// Evaluate detects the categories of a set in its pictures and measures what is found, with the boxes that GLIP writes for
// COCO's evaluation. A picture is asked for those that are known of it ([dataset.Picture.Asked]). Pictures that cannot be read count as if the set had them not; passed says which, and why.
func Evaluate(ctx context.Context, d *glipvk.Detector, set *dataset.Set, limits picture.Limits) (e *eval.Evaluation, passed []string, err error) {
	return evaluation{detector: d, set: set, limits: limits}.run(ctx)
}

// evaluation is one of a set.
type evaluation struct {
	detector *glipvk.Detector
	set      *dataset.Set
	affixes  []text.Affix // caption prompts, if any
	limits   picture.Limits
	found    func(dataset.Picture, picture.Picture, []glipvk.Detection) // may be nil
}

func (e evaluation) run(ctx context.Context) (result *eval.Evaluation, passed []string, err error) {
	all, err := e.query()
	if err != nil {
		return nil, nil, err
	}
	seen := dataset.Set{Categories: e.set.Categories}
	var list []eval.Found
	for _, p := range e.set.Pictures {
		decoded, err := picture.Open(ctx, p.Path, e.limits)
		if ctx.Err() != nil {
			return nil, passed, ctx.Err()
		}
		if err != nil {
			passed = append(passed, err.Error())
			continue
		}
		found, err := e.detect(ctx, all, p, decoded)
		if err != nil {
			return nil, passed, fmt.Errorf("%s: %w", p.Path, err)
		}
		for _, f := range found {
			box := eval.FromCorners(float32(f.Box.X1), float32(f.Box.Y1), float32(f.Box.X2), float32(f.Box.Y2))
			list = append(list, eval.Found{Picture: p.ID, Category: e.set.Categories[f.Label-1].ID, Box: box, Score: f.Score})
		}
		if e.found != nil {
			e.found(p, decoded, found)
		}
		seen.Pictures = append(seen.Pictures, p)
	}
	if len(seen.Pictures) == 0 {
		return nil, passed, fmt.Errorf("train: none of %d pictures to measure on can be read: %s", len(passed), strings.Join(passed[:min(len(passed), 3)], "; "))
	}
	result, err = eval.COCO(ctx, seen.Truths(), list, eval.Params{})
	return result, passed, err
}

// detect finds what a picture is asked for, with the labels of the set. all asks for all categories.
func (e evaluation) detect(ctx context.Context, all glipvk.Query, p dataset.Picture, decoded picture.Picture) ([]glipvk.Detection, error) {
	q, some := all, p.Asked != nil && len(e.affixes) == 0
	switch {
	case p.Asked != nil && len(p.Asked) == 0:
		return nil, nil
	case some:
		q.Classes = make([]string, len(p.Asked))
		for i, label := range p.Asked {
			q.Classes[i] = all.Classes[label-1]
		}
	}
	found, err := e.detector.Detect(ctx, q, decoded)
	if err != nil {
		return nil, err
	}
	list := found[0]
	for i := range list {
		if some {
			list[i].Label = p.Asked[list[i].Label-1]
		}
	}
	if p.Asked != nil { // a caption of all names finds others too
		list = slices.DeleteFunc(list, func(f glipvk.Detection) bool { return !slices.Contains(p.Asked, f.Label) })
	}
	return list, nil
}

// query asks for all categories; with caption prompts it is the caption of the training.
func (e evaluation) query() (q glipvk.Query, err error) {
	if len(e.affixes) == 0 {
		return glipvk.Query{Classes: e.set.Names()}, nil
	}
	c, err := dataset.Fixed(e.set.Names(), e.affixes)
	q.Caption = c.Text
	for label := range len(e.set.Categories) {
		q.Spans = append(q.Spans, c.Spans[label+1])
	}
	return q, err
}
