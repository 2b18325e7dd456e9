package cpu

import (
	"context"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/glipvk/glipvk/graph"
)

// Source supplies weights by canonical name, row-major, of exactly the shape asked
// for. Checkpoints and formulas satisfy it. It is asked by several goroutines at once. What it
// returns is not changed, and may be kept; if the source has a method Release([]float32), it gets
// every slice back that is not.
type Source interface {
	Tensor(name string, shape []int) ([]float32, error)
}

// releaser is a source that can use slices again.
type releaser interface{ Release(data []float32) }

// PackOptions says how weights are packed; the zero value is usable.
type PackOptions struct {
	// Instructions are those that programs with these weights run on; the zero value
	// is the best that the processor has.
	Instructions Instructions
	// Progress, if set, is told the parameters packed and their number, by one goroutine at a time.
	Progress func(done, total int64)
}

// Weights are the parameters of a model, each in the order in which it is read. They
// serve programs of every input size of the model and any number of goroutines.
type Weights struct {
	kernels *kernels
	shapes  map[string]graph.Shape
	data    map[packedKey][]float32
	bytes   int64
}

// packedKey names a weight as it is read in one way.
type packedKey struct {
	path string
	way  way
}

// way is how a parameter is read; one may be read in several ways.
type way int

// The ways. A matrix [N, K] is cut into panels of the kernels' width: panel j is [K, columns] with column c
// being row j*columns + c, 0 beyond N.
const (
	asPlain  way = iota // as it is
	asMatrix            // of a Linear: panels
	asTaps              // of a convolution: panels, the channels of a tap side by side
	asBias              // table of a position bias, as attention reads it
	wayCount
)

// ways are those of one value.
type ways [wayCount]bool

// waysOf tells how each value is read.
func waysOf(g *graph.Graph) []ways {
	list := make([]ways, len(g.Nodes))
	for _, n := range g.Nodes {
		matrix, how := -1, asMatrix // the operand that is one
		switch n.Op.(type) {
		case graph.Linear:
			matrix = 1
		case graph.Conv:
			matrix, how = 1, asTaps
		case graph.DeformConv:
			matrix, how = 2, asTaps
		}
		_, isBias := n.Op.(graph.PositionBias)
		for i, id := range n.Inputs {
			if i == matrix {
				list[id][how] = true
			} else {
				list[id][asPlain] = true
			}
			list[id][asBias] = list[id][asBias] || isBias
		}
	}
	for _, id := range g.Outputs {
		list[id][asPlain] = true
	}
	return list
}

// Pack brings the weights of g into the order of the kernels, tensor by tensor, several at a
// time: more than the weights takes only what is being packed. Errors name the weight; they wrap
// [graph.ErrShape] where its size is wrong and [ErrInstructions] where the processor has not what
// is asked for.
func Pack(ctx context.Context, g *graph.Graph, src Source, o PackOptions) (*Weights, error) {
	k, err := choose(o.Instructions)
	if err != nil {
		return nil, fmt.Errorf("cpu: %w", err)
	}
	p := packing{
		src: src, options: o, graph: g, params: g.Params(), ways: waysOf(g),
		weights: &Weights{kernels: k, shapes: map[string]graph.Shape{}, data: map[packedKey][]float32{}},
	}
	return p.run(ctx)
}

// For is w with what g reads in other ways than the graph that w was packed for: src is asked for these parameters again. What w
// has is shared, and w itself is returned where g reads nothing else. A parameter that w lacks in every way stays one that
// [Compile] refuses. Errors are those of [Pack].
func (w *Weights) For(ctx context.Context, g *graph.Graph, src Source) (*Weights, error) {
	p := packing{src: src, graph: g, ways: w.lacks(g)}
	for _, id := range g.Params() {
		n := g.Nodes[id]
		if have, ok := w.shapes[n.Path]; ok && have.Equal(n.Shape) && p.ways[id] != (ways{}) {
			p.params = append(p.params, id)
		}
	}
	if len(p.params) == 0 {
		return w, nil
	}
	p.weights = &Weights{w.kernels, maps.Clone(w.shapes), maps.Clone(w.data), w.bytes}
	return p.run(ctx)
}

// packing is the work of [Pack] and of [Weights.For].
type packing struct {
	src     Source
	options PackOptions
	graph   *graph.Graph
	params  []graph.ID
	errors  []error // of each
	ways    []ways
	total   int64
	next    atomic.Int64 // of params

	mu      sync.Mutex // for what follows
	weights *Weights
	done    int64
}

// run packs all the parameters.
func (p *packing) run(ctx context.Context) (*Weights, error) {
	p.errors = make([]error, len(p.params))
	for _, id := range p.params {
		p.total += int64(p.graph.Nodes[id].Shape.Elements())
	}
	var all sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		all.Go(func() { p.work(ctx) })
	}
	all.Wait()
	for i, err := range p.errors {
		if err != nil {
			return nil, fmt.Errorf("cpu: weight %s: %w", p.graph.Nodes[p.params[i]].Path, err)
		}
	}
	return p.weights, nil
}

// work packs the parameters that nobody else has taken, until one fails.
func (p *packing) work(ctx context.Context) {
	var room []float32
	for {
		i := int(p.next.Add(1)) - 1
		if i >= len(p.params) {
			return
		}
		if p.errors[i] = ctx.Err(); p.errors[i] == nil {
			p.errors[i] = p.tensor(p.params[i], &room)
		}
		if p.errors[i] != nil {
			p.next.Store(int64(len(p.params)))
		}
	}
}

// tensor packs one parameter. room is memory that is used again.
func (p *packing) tensor(id graph.ID, room *[]float32) error {
	n := p.graph.Nodes[id]
	data, err := p.src.Tensor(n.Path, n.Shape)
	if err != nil {
		return err
	}
	if len(data) != n.Shape.Elements() {
		return fmt.Errorf("%w: the source gave %d elements, want %d for %v", graph.ErrShape, len(data), n.Shape.Elements(), n.Shape)
	}
	w, ways := p.weights, p.ways[id]
	var made [wayCount][]float32
	if ways[asMatrix] {
		made[asMatrix] = w.pack(data, n.Shape)
	}
	if ways[asTaps] {
		made[asTaps] = w.pack(w.tapMajor(data, n.Shape, room), n.Shape)
	}
	if ways[asBias] {
		made[asBias] = w.kernels.bias(data, n.Shape)
	}
	release, _ := p.src.(releaser)
	keep := ways[asPlain] && (release == nil || cap(data) <= len(data)+len(data)/8)
	if made[asPlain] = data; ways[asPlain] && !keep {
		made[asPlain] = slices.Clone(data)
	}
	if release != nil && !keep {
		release.Release(data)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	w.shapes[n.Path] = n.Shape
	for i, x := range made {
		if ways[i] {
			w.data[packedKey{n.Path, way(i)}] = x
			w.bytes += 4 * int64(len(x))
		}
	}
	if p.done += int64(len(data)); p.options.Progress != nil {
		p.options.Progress(p.done, p.total)
	}
	return nil
}

// tapMajor brings a filter [N, C, k, k] into the order [N, k, k, C], in room, which grows if need be.
func (w *Weights) tapMajor(data []float32, shape graph.Shape, room *[]float32) []float32 {
	channels, taps := shape[1], shape[2]*shape[3]
	if taps == 1 {
		return data
	}
	*room = slices.Grow((*room)[:0], len(data))[:len(data)]
	for first := 0; first < len(data); first += channels * taps {
		w.kernels.transpose((*room)[first:], channels, data[first:], taps, channels, taps, 1)
	}
	return *room
}

// pack cuts a matrix [N, K...] into panels.
func (w *Weights) pack(data []float32, shape graph.Shape) []float32 {
	n, depth := shape[0], shape[1:].Elements()
	panels := aligned(w.kernels.whole(n) * depth)
	w.kernels.packRows(panels, data, depth, n, depth, 1)
	return panels
}

// Bytes is the memory taken.
func (w *Weights) Bytes() int64 { return w.bytes }

// Instructions are those that programs with these weights run on.
func (w *Weights) Instructions() Instructions { return w.kernels.name }

// lacks tells how each parameter of g is read that w has not got so.
func (w *Weights) lacks(g *graph.Graph) []ways {
	list := waysOf(g)
	for id, n := range g.Nodes {
		_, isParam := n.Op.(graph.Param)
		for i := range list[id] {
			_, made := w.data[packedKey{n.Path, way(i)}]
			list[id][i] = list[id][i] && isParam && !made
		}
	}
	return list
}

// check refuses a graph whose parameters are not those that were packed.
func (w *Weights) check(g *graph.Graph) error {
	lacks := w.lacks(g)
	for _, id := range g.Params() {
		n := g.Nodes[id]
		have, ok := w.shapes[n.Path]
		switch {
		case !ok:
			return fmt.Errorf("weight %s is missing: the weights were packed for another model", n.Path)
		case !have.Equal(n.Shape):
			return fmt.Errorf("weight %s: %w: it is %v, the graph wants %v", n.Path, graph.ErrShape, have, n.Shape)
		case lacks[id] != ways{}:
			return fmt.Errorf("weight %s is used in another way than in the graph that it was packed for: see Weights.For", n.Path)
		}
	}
	return nil
}

// packed is a value as it was packed to be read in some way; ok is false if it was not.
func (c *compiler) packed(id graph.ID, w way) (panels []float32, ok bool) {
	panels, ok = c.weights.data[packedKey{c.node(id).Path, w}]
	return panels, ok && graph.Kind(c.node(id).Op) == graph.Kind(graph.Param{})
}
