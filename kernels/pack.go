package kernels

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
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
	device    *engine.Device
	style     style
	precision Precision
	buffers   map[string]*engine.Buffer
	shapes    map[string]graph.Shape
	bytes     int64
	closed    bool

	mu    sync.Mutex
	tiles map[string]kept // measured tiles by shape, nil before the first look
}

// UploadOptions says how weights are stored. The zero value is 32-bit floats in the
// layouts that suit the device.
type UploadOptions struct {
	// Precision is F32, F16 or Auto; [Settle] tells what a device makes of it.
	Precision Precision
	// Variant overrides what the device would get: "direct" (GEMM in registers), "tiled"
	// (through shared memory, what a graphics card gets), "coop" (that with cooperative
	// matrices wherever they can be used, which is with F16) or "uniform" (by uniform
	// addresses). "" is by device. Programs are compiled for the variant of their weights.
	Variant string
	// Progress, if set, is told how many bytes of the parameters are done.
	Progress Progress

	style *style // for tests: in place of Variant
}

// packing is how the matrix of a linear or a convolution, [N, K], lies in memory: as [K, N],
// so that neighbouring outputs lie side by side, or in panels (shaders/gemm_uniform.comp).
type packing struct {
	panels, half bool
	taps         int // of a convolution, [N, C, taps]: k is tap*C + channel; 0 of a linear
	cols         int // to which rows of [K, N] are padded with zeros, 0 for N
}

// packing of the matrix of a linear. Rows that are no whole vec4s keep to 32-bit floats.
func (s style) packing(w graph.Shape, p Precision) packing {
	n := w[0]
	k := w.Elements() / n
	return packing{panels: s.gemm == uniform && k%8 == 0 && n%4 == 0, half: p == F16 && k%4 == 0 && n%4 == 0}
}

// bytes that a matrix takes.
func (p packing) bytes(w graph.Shape) int64 {
	n := w[0]
	k, size := w.Elements()/n, int64(4)
	if p.half {
		size = 2
	}
	switch {
	case p.panels:
		n = ceilDiv(n, uniformPanel) * uniformPanel
	case p.cols > 0:
		n = p.cols
	}
	return size * int64(n) * int64(k)
}

// Upload brings every weight of a graph to the device, tensor by tensor: at most two
// copies of one tensor are held in host memory. The matrices of linear layers are packed
// for the kernel that reads them; the others stay as they are. The caller closes the weights
// after the programs that use them.
func Upload(ctx context.Context, d *engine.Device, g *graph.Graph, src Source, o UploadOptions) (*Weights, error) {
	s, err := styleOf(d.Info(), o.Variant)
	if err != nil {
		return nil, err
	}
	if o.style != nil {
		s = *o.style
	}
	precision, _, err := Settle(d.Info(), o.Precision)
	if err != nil {
		return nil, err
	}
	w := &Weights{device: d, style: s, precision: precision, buffers: map[string]*engine.Buffer{}, shapes: map[string]graph.Shape{}}
	total, done := 4*g.Count().Parameters, int64(0)
	packed := packedWeights(g)
	if err := packedAlone(g, packed); err != nil {
		return nil, err
	}
	convs := convWeights(g)
	for _, id := range g.Params() {
		n := g.Nodes[id]
		if err := w.upload(ctx, n.Path, n.Shape, src, packed[id], convs[id]); err != nil {
			return nil, errors.Join(fmt.Errorf("kernels: weight %s: %w", n.Path, err), w.Close())
		}
		if done += 4 * int64(n.Shape.Elements()); o.Progress != nil {
			o.Progress(done, total)
		}
	}
	return w, nil
}

// Precision is how the matrices are stored, [F32] or [F16].
func (w *Weights) Precision() Precision { return w.precision }

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

// packedWeights finds the parameters that are packed as a matrix.
func packedWeights(g *graph.Graph) map[graph.ID]bool {
	ids := linearWeights(g)
	maps.Copy(ids, convWeights(g))
	return ids
}

// matrixOperand is which operand of an operation is packed as a matrix, -1 where none is.
func matrixOperand(op graph.Op) int {
	if _, ok := op.(graph.Linear); ok {
		return 1
	}
	return convOperand(op)
}

// packedAlone refuses graphs that read a packed weight as anything but a matrix, or as
// that of a linear and of a convolution, whose orders differ.
func packedAlone(g *graph.Graph, packed map[graph.ID]bool) error {
	what := "a linear"
	linears, convs := linearWeights(g), convWeights(g)
	for _, n := range g.Nodes {
		for k, id := range n.Inputs {
			if convs[id] {
				what = "a convolution"
			}
			if packed[id] && (k != matrixOperand(n.Op) || linears[id] && convs[id]) {
				return fmt.Errorf("kernels: %s: weight %s is the matrix of %s and an operand of %s; give each a weight of its own",
					n.Path, g.Nodes[id].Path, what, n.Op.Kind())
			}
		}
	}
	for _, id := range g.Outputs {
		if packed[id] {
			return fmt.Errorf("kernels: weight %s is the matrix of %s and cannot be an output", g.Nodes[id].Path, what)
		}
	}
	return nil
}

func (w *Weights) upload(ctx context.Context, name string, shape graph.Shape, src Source, pack, conv bool) error {
	data, err := src.Tensor(name, shape)
	if err != nil {
		return err
	}
	if len(data) != shape.Elements() {
		return fmt.Errorf("%w: source gave %d elements, want %v", graph.ErrShape, len(data), shape)
	}
	bytes := floatBytes(data)
	switch {
	case conv:
		bytes = w.style.convPacking(shape, w.precision).pack(data, shape[0])
	case pack:
		bytes = w.style.packing(shape, w.precision).pack(data, shape[0])
	}
	b, err := w.device.NewBuffer(int64(len(bytes)), engine.DeviceMemory, name)
	if err != nil {
		return err
	}
	w.buffers[name], w.shapes[name] = b, shape
	w.bytes += b.Size()
	return w.device.Upload(ctx, b, 0, bytes)
}

// pack lays a matrix [n, K] out.
func (p packing) pack(x []float32, n int) []byte {
	x, n = p.channelsLast(x, n)
	switch {
	case p.panels:
		x = panels(x, n, p.half)
	default:
		x = transpose(x, n)
	}
	if p.half {
		return halfBytes(x)
	}
	return floatBytes(x)
}

// panels turns [n, K] into panels of 32 rows, each [K, 32], zeros beyond n. The order in a
// row of a panel is that of gemm_uniform.comp: 16-bit floats as they come, of 32-bit floats first
// the even ones of sixteen, then the odd.
func panels(x []float32, n int, half bool) []float32 {
	k := len(x) / n
	y := make([]float32, ceilDiv(n, uniformPanel)*uniformPanel*k)
	for row := range n {
		panel, column := row/uniformPanel, row%uniformPanel
		if !half {
			column = column/16*16 + column%2*8 + column%16/2
		}
		to := y[panel*uniformPanel*k+column:]
		for i, v := range x[row*k : (row+1)*k] {
			to[i*uniformPanel] = v
		}
	}
	return y
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
