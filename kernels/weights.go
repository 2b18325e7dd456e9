package kernels

import (
	"context"
	"errors"
	"fmt"
	"unsafe"

	"github.com/glipvk/glipvk/engine"
	"github.com/glipvk/glipvk/graph"
)

// Source supplies weights by canonical name, row-major, of exactly the shape asked
// for. Checkpoints and formulas satisfy it.
type Source interface {
	Tensor(name string, shape []int) ([]float32, error)
}

// Progress is told how much of a long operation is done, in units of its own.
type Progress func(done, total int64)

// Weights are the parameters of a model in device memory, each in the layout that
// its kernel reads. They serve programs of every input size of the model.
type Weights struct {
	device  *engine.Device
	buffers map[string]*engine.Buffer
	shapes  map[string]graph.Shape
	bytes   int64
	closed  bool
}

// Upload brings every weight of a graph to the device, tensor by tensor: at most two
// copies of one tensor are held in host memory. The weight of a Linear, [N, K], is
// packed as [K, N], so that neighbouring outputs lie side by side; the others stay as
// they are. The caller closes the weights after the programs that use them.
func Upload(ctx context.Context, d *engine.Device, g *graph.Graph, src Source, progress Progress) (*Weights, error) {
	w := &Weights{device: d, buffers: map[string]*engine.Buffer{}, shapes: map[string]graph.Shape{}}
	total := 4 * g.Count().Parameters
	packed := linearWeights(g)
	if err := packedAlone(g, packed); err != nil {
		return nil, err
	}
	for _, id := range g.Params() {
		n := g.Nodes[id]
		if err := w.upload(ctx, n.Path, n.Shape, src, packed[id]); err != nil {
			return nil, errors.Join(fmt.Errorf("kernels: weight %s: %w", n.Path, err), w.Close())
		}
		if progress != nil {
			progress(w.bytes, total)
		}
	}
	return w, nil
}

// linearWeights finds the parameters that are the matrix of a Linear.
func linearWeights(g *graph.Graph) map[graph.ID]bool {
	ids := map[graph.ID]bool{}
	for _, n := range g.Nodes {
		if _, ok := n.Op.(graph.Linear); ok {
			ids[n.Inputs[1]] = true
		}
	}
	return ids
}

// packedAlone refuses graphs that read a packed weight as anything but a matrix.
func packedAlone(g *graph.Graph, packed map[graph.ID]bool) error {
	for _, n := range g.Nodes {
		_, isLinear := n.Op.(graph.Linear)
		for k, id := range n.Inputs {
			if packed[id] && !(isLinear && k == 1) {
				return fmt.Errorf("kernels: %s: weight %s is the matrix of a linear and an operand of %s; give each a weight of its own",
					n.Path, g.Nodes[id].Path, n.Op.Kind())
			}
		}
	}
	for _, id := range g.Outputs {
		if packed[id] {
			return fmt.Errorf("kernels: weight %s is the matrix of a linear and cannot be an output", g.Nodes[id].Path)
		}
	}
	return nil
}

func (w *Weights) upload(ctx context.Context, name string, shape graph.Shape, src Source, pack bool) error {
	data, err := src.Tensor(name, shape)
	if err != nil {
		return err
	}
	if len(data) != shape.Elements() {
		return fmt.Errorf("%w: source gave %d elements, want %v", graph.ErrShape, len(data), shape)
	}
	if pack {
		data = transpose(data, shape[0])
	}
	b, err := w.device.NewBuffer(4*int64(len(data)), engine.DeviceMemory, name)
	if err != nil {
		return err
	}
	w.buffers[name], w.shapes[name] = b, shape
	w.bytes += b.Size()
	return w.device.Upload(ctx, b, 0, floatBytes(data))
}

// transpose turns [rows, cols] into [cols, rows], in blocks that stay in the cache.
func transpose(x []float32, rows int) []float32 {
	const block = 32
	cols := len(x) / rows
	y := make([]float32, len(x))
	for r0 := 0; r0 < rows; r0 += block {
		for c0 := 0; c0 < cols; c0 += block {
			for r := r0; r < min(r0+block, rows); r++ {
				for c := c0; c < min(c0+block, cols); c++ {
					y[c*rows+r] = x[r*cols+c]
				}
			}
		}
	}
	return y
}

// Bytes is the device memory taken.
func (w *Weights) Bytes() int64 { return w.bytes }

// check reports every parameter of a graph that the weights lack.
func (w *Weights) check(g *graph.Graph) error {
	if w.closed {
		return fmt.Errorf("kernels: compile: weights: %w", ErrClosed)
	}
	var errs []error
	for _, id := range g.Params() {
		n := g.Nodes[id]
		if have, ok := w.shapes[n.Path]; !ok {
			errs = append(errs, fmt.Errorf("%s is missing", n.Path))
		} else if !have.Equal(n.Shape) {
			errs = append(errs, fmt.Errorf("%s is %v, the graph wants %v", n.Path, have, n.Shape))
		}
	}
	if len(errs) > 0 {
		return fmt.Errorf("kernels: %w: weights were uploaded for another model: %w", graph.ErrShape, errors.Join(errs...))
	}
	return nil
}

// Close frees the device memory. Calling it again does nothing, unless a program was
// still open: its weights stay until Close is called after it.
func (w *Weights) Close() error {
	w.closed = true
	var errs []error
	for name, b := range w.buffers {
		if err := b.Close(); err != nil {
			errs = append(errs, err)
			continue
		}
		delete(w.buffers, name)
	}
	return errors.Join(errs...)
}

// floatBytes views the same memory as bytes. All devices and hosts that Vulkan and Go
// share are little-endian.
func floatBytes(f []float32) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(f))), 4*len(f))
}
