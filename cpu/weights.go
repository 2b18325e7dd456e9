package cpu

import (
	"context"
	"fmt"
	"runtime"
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
	plain   map[string][]float32 // those that are read as they are
	packed  map[packedKey]panels // those that are the matrix of a product
	bytes   int64

	mu     sync.Mutex
	biases map[biasKey][]float32
}

// packedKey names a packed weight: one that a Linear reads and one that a convolution reads
// have their elements in different orders.
type packedKey struct {
	path string
	taps bool // channels of a tap side by side
}

// panels is the matrix [n, k] of a product cut into panels of the kernels' width: panel
// j is [k, columns] with column c being row j*columns + c of the matrix, 0 beyond n.
type panels struct {
	data []float32
	k, n int
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
	p := packing{src: src, options: o, graph: g, params: g.Params(), used: uses(g), total: g.Count().Parameters, weights: &Weights{
		kernels: k, shapes: map[string]graph.Shape{}, plain: map[string][]float32{},
		packed: map[packedKey]panels{}, biases: map[biasKey][]float32{},
	}}
	var all sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		all.Go(func() { p.work(ctx) })
	}
	all.Wait()
	if p.err != nil {
		return nil, fmt.Errorf("cpu: weight %s: %w", g.Nodes[p.params[p.failed]].Path, p.err)
	}
	return p.weights, nil
}

// packing is the work of [Pack].
type packing struct {
	src     Source
	options PackOptions
	graph   *graph.Graph
	params  []graph.ID
	used    map[graph.ID]use
	total   int64
	next    atomic.Int64 // of params

	mu      sync.Mutex // for what follows
	weights *Weights
	done    int64
	err     error // of the first parameter that failed
	failed  int   // which
}

// work packs the parameters that nobody else has taken.
func (p *packing) work(ctx context.Context) {
	var room []float32
	for {
		i := int(p.next.Add(1)) - 1
		if i >= len(p.params) {
			return
		}
		err := ctx.Err()
		if err == nil {
			err = p.tensor(p.params[i], &room)
		}
		if err != nil {
			p.next.Store(int64(len(p.params)))
			p.mu.Lock()
			if p.err == nil || i < p.failed {
				p.err, p.failed = err, i
			}
			p.mu.Unlock()
			return
		}
	}
}

// tensor packs one parameter. room is memory that is used again.
func (p *packing) tensor(id graph.ID, room *[]float32) error {
	n, used := p.graph.Nodes[id], p.used[id]
	data, err := p.src.Tensor(n.Path, n.Shape)
	if err != nil {
		return err
	}
	if len(data) != n.Shape.Elements() {
		return fmt.Errorf("%w: the source gave %d elements, want %d for %v", graph.ErrShape, len(data), n.Shape.Elements(), n.Shape)
	}
	w := p.weights
	var matrix, byTap panels
	var plain []float32
	if used&asMatrix != 0 {
		matrix = w.pack(data, n.Shape)
	}
	if used&asTaps != 0 {
		byTap = w.pack(tapMajor(data, n.Shape, room), n.Shape)
	}
	release, _ := p.src.(releaser)
	if used&asPlain != 0 {
		if plain = data; release != nil && cap(data) > len(data)+len(data)/8 {
			plain = append([]float32(nil), data...)
		}
	}
	if release != nil && (plain == nil || &plain[0] != &data[0]) {
		release.Release(data)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	w.shapes[n.Path] = n.Shape
	if used&asMatrix != 0 {
		w.keep(packedKey{n.Path, false}, matrix)
	}
	if used&asTaps != 0 {
		w.keep(packedKey{n.Path, true}, byTap)
	}
	if plain != nil {
		w.plain[n.Path] = plain
		w.bytes += 4 * int64(len(plain))
	}
	if p.done += int64(len(data)); p.options.Progress != nil {
		p.options.Progress(p.done, p.total)
	}
	return nil
}

// use says how a parameter is read; one may be read in several ways.
type use int

// The ways.
const (
	asMatrix use = 1 << iota // of a Linear
	asTaps                   // weights of a convolution
	asPlain                  // anything else
)

// uses tells how each parameter is read.
func uses(g *graph.Graph) map[graph.ID]use {
	list := map[graph.ID]use{}
	for _, n := range g.Nodes {
		for i, id := range n.Inputs {
			how := asPlain
			switch n.Op.(type) {
			case graph.Linear:
				if i == 1 {
					how = asMatrix
				}
			case graph.Conv:
				if i == 1 {
					how = asTaps
				}
			case graph.DeformConv:
				if i == 2 {
					how = asTaps
				}
			}
			list[id] |= how
		}
	}
	for _, id := range g.Outputs {
		list[id] |= asPlain
	}
	return list
}

// keep adds a packed weight.
func (w *Weights) keep(key packedKey, p panels) {
	w.packed[key] = p
	w.bytes += 4 * int64(len(p.data))
}

// tapMajor brings a filter [N, C, k, k] into the order [N, k, k, C], in room, which grows if need be.
func tapMajor(data []float32, shape graph.Shape, room *[]float32) []float32 {
	channels, taps := shape[1], shape[2]*shape[3]
	if taps == 1 {
		return data
	}
	if len(*room) < len(data) {
		*room = make([]float32, len(data))
	}
	y := (*room)[:len(data)]
	for n := range shape[0] {
		to := y[n*channels*taps:][:channels*taps]
		for i, v := range data[n*channels*taps:][:channels*taps] {
			to[i%taps*channels+i/taps] = v
		}
	}
	return y
}

// pack cuts a matrix [N, K...] into panels.
func (w *Weights) pack(data []float32, shape graph.Shape) panels {
	columns := w.kernels.columns
	p := panels{n: shape[0], k: shape[1:].Elements()}
	count := (p.n + columns - 1) / columns
	p.data = aligned(count * columns * p.k)
	for j := range count {
		w.kernels.packPanel(p.data[j*columns*p.k:][:columns*p.k], data[j*columns*p.k:], p.k)
	}
	return p
}

// packPanel transposes the first rows of a matrix [.., k] into a panel [k, columns]; rows
// that the matrix lacks stay as the panel is.
func (k *kernels) packPanel(panel, matrix []float32, depth int) {
	k.transpose(panel, k.columns, matrix, depth, min(k.columns, len(matrix)/depth), depth, 1)
}

// Bytes is the memory taken.
func (w *Weights) Bytes() int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.bytes
}

// Instructions are those that programs with these weights run on.
func (w *Weights) Instructions() Instructions { return w.kernels.name }

// check refuses a graph whose parameters are not those that were packed.
func (w *Weights) check(g *graph.Graph) error {
	used := uses(g)
	for _, id := range g.Params() {
		n, how := g.Nodes[id], used[id]
		have, ok := w.shapes[n.Path]
		_, isMatrix := w.packed[packedKey{n.Path, false}]
		_, isTaps := w.packed[packedKey{n.Path, true}]
		_, isPlain := w.plain[n.Path]
		switch {
		case !ok:
			return fmt.Errorf("weight %s is missing: the weights were packed for another model", n.Path)
		case !have.Equal(n.Shape):
			return fmt.Errorf("weight %s: %w: it is %v, the graph wants %v", n.Path, graph.ErrShape, have, n.Shape)
		case how&asMatrix != 0 && !isMatrix, how&asTaps != 0 && !isTaps, how&asPlain != 0 && !isPlain:
			return fmt.Errorf("weight %s is used in another way than in the graph that it was packed for", n.Path)
		}
	}
	return nil
}

// cacheLine is what aligned slices begin at a multiple of, in bytes.
const cacheLine = 64
