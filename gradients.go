package glipvk

import (
	"context"
	"fmt"
	"slices"

	"github.com/glipvk/glipvk/glip"
	"github.com/glipvk/glipvk/grad"
	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/picture"
	"github.com/go-gl/mathgl/mgl64"
)

// Gradients are the losses of pictures and what changes them.
type Gradients struct {
	Box        float64 // loss of the boxes
	Centerness float64 // of how well anchors know that they are in the middle of a box
	Token      float64 // of the phrases

	// Maps are the gradients of the sum of the three, each by the path and in the shape of its value; those of weights are Shared.
	Maps []Map
}

// Gradients computes the losses that training has (package train), and their gradients with respect to the values inside the detector
// and the weights whose paths match one of the globs (see [graph.Graph.Match]), in the order of execution: which way an activation or a
// weight would have to change for the pictures to show what they are said to. Nothing is left out by chance. want says what each
// picture shows, as [Detector.Detect] does, of which boxes and labels are read; of an empty list everything is background. The query
// must make one caption. The weights are loaded once more for the time of the call, and all the values stay in memory. Errors
// wrap [ErrInput] for a glob that matches nothing, or a value that has no gradient.
func (d *Detector) Gradients(ctx context.Context, q Query, in picture.Input, want [][]Detection, globs ...string) (Gradients, error) {
	prompts, err := d.exact(ctx, q)
	if err != nil {
		return Gradients{}, err
	}
	if len(prompts) != 1 || len(want) != in.Batch {
		return Gradients{}, blame(fmt.Errorf("glipvk: a query of %d captions and what %d of %d pictures show: want one caption, and a list for each picture", len(prompts), len(want), in.Batch))
	}
	if err := d.checkInput(in); err != nil {
		return Gradients{}, err
	}
	p := prompts[0]
	s := glip.Training{Batch: in.Batch, Height: in.Height, Width: in.Width, Tokens: len(p.ids), Objects: 1}
	objects := make([][]glip.Object, in.Batch)
	for i, list := range want {
		if objects[i], err = p.objects(in.View(i), list); err != nil {
			return Gradients{}, blame(fmt.Errorf("glipvk: picture %d: %w", i, err))
		}
		s.Objects = max(s.Objects, len(list))
	}
	t, err := glip.NewTargets(d.config, s, slices.Repeat([]int{p.words}, in.Batch), objects)
	if err != nil {
		return Gradients{}, blame(fmt.Errorf("glipvk: %w", err))
	}
	g, maps, err := d.differentiated(s, globs)
	if err != nil {
		return Gradients{}, blame(err)
	}
	at := map[string][]float32{"image": in.Data, "ids": slices.Repeat(p.ids, in.Batch), "mask": slices.Repeat(p.mask, in.Batch)}
	for i, path := range glip.TargetPaths() {
		at[path] = t.Inputs()[i]
	}
	var inputs [][]float32
	for _, id := range g.Inputs() {
		inputs = append(inputs, at[g.Nodes[id].Path])
	}
	out, _, err := d.exec.Once(ctx, g, inputs...)
	if err != nil {
		return Gradients{}, err
	}
	for i := range maps {
		maps[i].Data = out[len(glip.LossPaths())+i]
	}
	return Gradients{float64(out[0][0]), float64(out[1][0]), float64(out[2][0]), maps}, nil
}

// objects are detections as training takes them.
func (p prompt) objects(v picture.View, list []Detection) (objects []glip.Object, err error) {
	there := v.ToPicture().Inv()
	for i, x := range list {
		of := x.Label - 1 - p.First
		b := x.Box
		if of < 0 || of >= len(p.Labels) || !(b.X2 > b.X1 && b.Y2 > b.Y1) || (b.X2-b.X1+b.Y2-b.Y1)*0 != 0 {
			return nil, fmt.Errorf("thing %d has the label %d and the box %v: want a label of the query's %d, from 1, and a box with an area", i, x.Label, b, len(p.Labels))
		}
		low, high := there.Mul3x1(mgl64.Vec3{b.X1, b.Y1, 1}), there.Mul3x1(mgl64.Vec3{b.X2, b.Y2, 1})
		o := glip.Object{Box: glip.Box{X1: low[0], Y1: low[1], X2: high[0], Y2: high[1]}, Label: x.Label}
		if k := slices.Index(p.heard, of); k >= 0 {
			o.Tokens = p.tokens[k]
		}
		objects = append(objects, o)
	}
	return objects, nil
}

// differentiated records losses, which are the first outputs, and gradients, which are the others and are described by maps.
func (d *Detector) differentiated(s glip.Training, globs []string) (_ *graph.Graph, maps []Map, err error) {
	forward, err := glip.RecordTraining(d.config, s)
	if err != nil {
		return nil, nil, err
	}
	met := map[string]bool{}
	ids, err := someMatch(globs, met)(forward)
	if err != nil {
		return nil, nil, err
	}
	for _, glob := range globs {
		params, err := forward.MatchParams(glob)
		if err != nil {
			return nil, nil, err
		}
		met[glob] = met[glob] || len(params) > 0
		ids = append(ids, params...)
	}
	if err := unmet(globs, met, "rpn.head.log_scale"); err != nil {
		return nil, nil, err
	}
	slices.Sort(ids)
	var paths []string
	for _, id := range slices.Compact(ids) {
		n := forward.Nodes[id]
		_, weight := n.Op.(graph.Param)
		paths, maps = append(paths, n.Path), append(maps, Map{Name: n.Path, Shape: slices.Clone(n.Shape), Shared: weight})
	}
	g, err := grad.ReverseWith(forward, glip.LossPath, glip.LossPaths(), paths...)
	if err != nil {
		return nil, nil, fmt.Errorf("glipvk: %w", err)
	}
	return g, maps, nil
}
