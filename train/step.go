package train

import (
	"fmt"
	"math"

	"github.com/glipvk/glipvk/glip"
	"github.com/glipvk/glipvk/grad"
	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/rewrite"
)

// Outputs of a step's graph before the gradients: the three losses and what gradients are scaled with.
const (
	boxLoss = iota
	centernessLoss
	tokenLoss
	clipScale
	gradients
)

// recorded writes down the forward and backward part of a step: the inputs of
// [glip.RecordTraining] to the losses of boxes, centre-ness and tokens, the factor [1] that clips the
// gradients to the length that the options say, any where that is 0, and the gradient of each of the trained weights. absorbed computes
// the cross attention in the form that takes fewer multiply-adds (package rewrite).
func (t *Trainer) recorded(s glip.Training, absorbed bool) (*graph.Graph, error) {
	forward, err := glip.RecordTraining(t.cfg, s)
	if err == nil && len(t.adapters) > 0 {
		forward, _, err = t.options.Adapters.adapt(forward)
	}
	if err == nil && absorbed {
		forward, _, err = rewrite.Absorb(forward, nil)
	}
	if err != nil {
		return nil, err
	}
	g, err := grad.ReverseWith(forward, glip.LossPath, glip.LossPaths(), t.trained()...)
	if err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	b := graph.Continue(g)
	made := g.Outputs[clipScale:]
	for _, id := range g.Outputs[:clipScale] {
		b.Output(b.At(id))
	}
	b.Output(clipped(b.In("clip"), made, t.options.Clip))
	for _, id := range made {
		b.Output(b.At(id))
	}
	if g, err = b.Build(); err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	return g, nil
}

// clipped records the factor for gradients: no number, or 0, where one of them is
// no number or infinite, whether they are clipped or not.
func clipped(b *graph.Builder, gradients []graph.ID, clip float64) graph.Value {
	var sum graph.Value
	for i, id := range gradients {
		one := b.In("squares").Record(graph.SumSquares{}, b.At(id))
		if i == 0 {
			sum = one
			continue
		}
		sum = b.In("sum").Add(sum, one)
	}
	if clip == 0 {
		clip = math.MaxFloat32
	}
	return b.Record(graph.ClipScale{Limit: clip}, sum)
}

// The settings of AdamW (torch.optim.AdamW).
const (
	beta1 = 0.9
	beta2 = 0.999
	eps   = 1e-8
)

// updated records what a step does to a weight of a shape, behind inputs for the weight, its moments
// and its gradient: the next weight and moments, which are outputs. scale [1] clips the gradient, rates [4] are
// those of [graph.AdamW]. With an average, whose decay is above 0, that comes behind the others.
func updated(b *graph.Builder, shape graph.Shape, scale, rates graph.Value, average float64) {
	in := func(name string) graph.Value { return b.In(name).Input(shape...) }
	x, m, v, g := in("weight"), in("first"), in("second"), in("gradient")
	m = b.In("next", "first").Record(graph.Moment{Beta: beta1, Power: 1}, m, g, scale)
	v = b.In("next", "second").Record(graph.Moment{Beta: beta2, Power: 2}, v, g, scale)
	x = b.In("next", "weight").Record(graph.AdamW{Eps: eps}, x, m, v, rates)
	for _, y := range []graph.Value{x, m, v} {
		b.Output(y)
	}
	if average > 0 {
		one := b.In("one").Record(graph.Fill{To: graph.Shape{1}, Value: 1})
		b.Output(b.In("next", "average").Record(graph.Moment{Beta: average, Power: 1}, in("average"), x, one))
	}
}

// whole writes down a step whose trained weights are inputs.
func (t *Trainer) whole(s glip.Training) (*graph.Graph, error) {
	g, err := t.recorded(s, t.options.Mode.absorbs())
	if err != nil {
		return nil, err
	}
	return rewrite.Feed(g, t.trained()...)
}

// record writes down a step, behind the front where there is one.
func (t *Trainer) record(s glip.Training) (*graph.Graph, error) {
	g, err := t.recordAs(s, t.options)
	return t.ordered(sized{false, s}, g, err)
}

// recordAs is record with options that change no input.
func (t *Trainer) recordAs(s glip.Training, o Options) (*graph.Graph, error) {
	g, err := t.whole(s)
	if err == nil && t.front != nil {
		g, err = rest(g, s.Batch)
	}
	if err == nil {
		g, err = o.again(g)
	}
	if err == nil && t.halves {
		g, err = rewrite.Halve(g, leastHalved, func(path string) bool { return phase(path) == Backward })
	}
	return g, err
}

// leastHalved is how many elements a value has at least that is stored in 16 bits: fewer are not worth two dispatches.
const leastHalved = 1 << 12

// sized names a graph: the front's or a step's, for a size.
type sized struct {
	front bool
	size  glip.Training
}

// order are the inputs of a graph that was recorded.
func (t *Trainer) order(s sized) []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.orders[s]
}

// ordered notes the inputs of a graph, unless there was an error.
func (t *Trainer) ordered(s sized, g *graph.Graph, err error) (*graph.Graph, error) {
	if err != nil {
		return nil, err
	}
	var order []string
	for _, id := range g.Inputs() {
		order = append(order, g.Nodes[id].Path)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.orders[s] = order
	return g, nil
}

// recordUpdate writes down what a step does to the parameters of a chunk.
func (t *Trainer) recordUpdate(chunk int) (*graph.Graph, error) {
	b := graph.NewBuilder()
	scale := b.In("scale").Input(1)
	from, to := t.chunks[chunk].from, t.chunks[chunk].to
	rates := b.In("rates").Input(to-from, 4)
	for i := range to - from {
		one := b.In("rates", i).Reshape(b.In("rates", i).SliceTokens(b.In("rates", "list").Reshape(rates, 1, to-from, 4), graph.SliceTokens{Begin: i, Height: 1, Width: 1}), 4)
		updated(b.In(i), graph.Shape{graph.Shape(t.params[from+i].Shape).Elements()}, scale, one, t.options.Average)
	}
	return b.Build()
}
