package cpu

import (
	"context"
	"fmt"
	"sync"

	"github.com/glipvk/glipvk/graph"
)

// Source supplies weights by canonical name, row-major, of exactly the shape asked
// for. Checkpoints and formulas satisfy it. What it returns is read, never changed.
type Source interface {
	Tensor(name string, shape []int) ([]float32, error)
}

// PackOptions says how weights are packed; the zero value is usable.
type PackOptions struct {
	// Instructions are those that programs with these weights run on; the zero value
	// is the best that the processor has.
	Instructions Instructions
	// Progress, if set, is told the parameters packed and their number.
	Progress func(done, total int64)
}

// Weights are the parameters of a model, each in the order in which it is read. They
// serve programs of every input size of the model and any number of goroutines.
type Weights struct {
	kernels *kernels
	shapes  map[string]graph.Shape
	plain   map[string][]float32 // those that are read as they are
	packed  map[string]panels    // those that are the matrix of a Linear
	bytes   int64

	mu     sync.Mutex
	biases map[biasKey][]float32
}

// panels is the matrix [n, k] of a Linear cut into panels of the kernels' width: panel
// j is [k, columns] with column c being row j*columns + c of the matrix, 0 beyond n.
type panels struct {
	data []float32
	k, n int
}

// Pack brings the weights of g into the order of the kernels, tensor by tensor. Errors
// name the weight; they wrap [graph.ErrShape] where its size is wrong and
// [ErrInstructions] where the processor has not what is asked for.
func Pack(ctx context.Context, g *graph.Graph, src Source, o PackOptions) (*Weights, error) {
	k, err := choose(o.Instructions)
	if err != nil {
		return nil, fmt.Errorf("cpu: %w", err)
	}
	w := &Weights{
		kernels: k, shapes: map[string]graph.Shape{}, plain: map[string][]float32{},
		packed: map[string]panels{}, biases: map[biasKey][]float32{},
	}
	matrix, other := uses(g)
	total, done := g.Count().Parameters, int64(0)
	for _, id := range g.Params() {
		n := g.Nodes[id]
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("cpu: weight %s: %w", n.Path, err)
		}
		data, err := src.Tensor(n.Path, n.Shape)
		if err != nil {
			return nil, fmt.Errorf("cpu: weight %s: %w", n.Path, err)
		}
		if len(data) != n.Shape.Elements() {
			return nil, fmt.Errorf("cpu: weight %s: %w: the source gave %d elements, want %d for %v",
				n.Path, graph.ErrShape, len(data), n.Shape.Elements(), n.Shape)
		}
		w.shapes[n.Path] = n.Shape
		if matrix[id] {
			w.packed[n.Path] = w.pack(data, n.Shape)
			w.bytes += 4 * int64(len(w.packed[n.Path].data))
		}
		if other[id] {
			w.plain[n.Path] = append([]float32(nil), data...)
			w.bytes += 4 * int64(len(data))
		}
		if done += int64(len(data)); o.Progress != nil {
			o.Progress(done, total)
		}
	}
	return w, nil
}

// uses tells which parameters are the matrix of a Linear and which are anything else;
// one may be both.
func uses(g *graph.Graph) (matrix, other map[graph.ID]bool) {
	matrix, other = map[graph.ID]bool{}, map[graph.ID]bool{}
	for _, n := range g.Nodes {
		_, isLinear := n.Op.(graph.Linear)
		for i, id := range n.Inputs {
			if isLinear && i == 1 {
				matrix[id] = true
			} else {
				other[id] = true
			}
		}
	}
	for _, id := range g.Outputs {
		other[id] = true
	}
	return matrix, other
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
	matrix, other := uses(g)
	for _, id := range g.Params() {
		n := g.Nodes[id]
		have, ok := w.shapes[n.Path]
		_, isPacked := w.packed[n.Path]
		_, isPlain := w.plain[n.Path]
		switch {
		case !ok:
			return fmt.Errorf("weight %s is missing: the weights were packed for another model", n.Path)
		case !have.Equal(n.Shape):
			return fmt.Errorf("weight %s: %w: it is %v, the graph wants %v", n.Path, graph.ErrShape, have, n.Shape)
		case matrix[id] && !isPacked, other[id] && !isPlain:
			return fmt.Errorf("weight %s is used in another way than in the graph that it was packed for", n.Path)
		}
	}
	return nil
}

// cacheLine is what aligned slices begin at a multiple of, in bytes.
const cacheLine = 64
