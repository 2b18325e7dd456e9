package vulkan

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"unsafe"

	"golang.org/x/sync/errgroup"

	"github.com/glipvk/glipvk/engine"
	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/internal/turn"
	"github.com/glipvk/glipvk/kernels"
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
	layout  kernels.Layout
	buffers map[string]*engine.Buffer
	shapes  map[string]graph.Shape
	packed  map[string]string // as what, by [kernels.Packer.Packed]
	bytes   int64
	closed  bool

	tuning *turn.Lock      // held by who measures tiles
	tiles  map[string]kept // measured tiles by shape, nil before the first look
	left   map[string]bool // shapes that there was no time to measure
}

// UploadOptions says how weights are stored. The zero value is 32-bit floats in the
// layouts that suit the device.
type UploadOptions struct {
	// Precision is F32, F16 or Auto; [kernels.Settle] tells what a device makes of it.
	Precision kernels.Precision
	// Variant overrides what the device would get, as [kernels.StyleOf] says.
	Variant string
	// Layout, if set, is taken in place of what Precision and Variant say. For tests.
	Layout *kernels.Layout
	// Progress, if set, is told how many bytes of the parameters are done.
	Progress Progress
}

// Upload brings every weight of a graph to the device. The source is asked by one goroutine
// while others pack and copy what it gave: two copies of a tensor for each core, and one more, are
// held in host memory at most. The matrices of linear layers are packed for the kernel that reads
// them; the others stay as they are. A matrix that 16 bits cannot hold is an error that names it.
// The caller closes the weights after the programs that use them.
func Upload(ctx context.Context, d *engine.Device, g *graph.Graph, src Source, o UploadOptions) (*Weights, error) {
	layout, err := kernels.LayoutOf(d.Info(), o.Precision, o.Variant)
	if o.Layout != nil {
		layout, err = *o.Layout, nil
	}
	if err != nil {
		return nil, err
	}
	return bring(ctx, d, layout, g, g.Params(), src, o.Progress)
}

// bring is [Upload] of some parameters.
func bring(ctx context.Context, d *engine.Device, layout kernels.Layout, g *graph.Graph, params []graph.ID, src Source, progress Progress) (*Weights, error) {
	w := &Weights{device: d, layout: layout, buffers: map[string]*engine.Buffer{}, shapes: map[string]graph.Shape{}, packed: map[string]string{}, tuning: turn.New()}
	packer := layout.Packer(g)
	total, done := int64(0), int64(0)
	for _, id := range params {
		total += 4 * int64(g.Nodes[id].Shape.Elements())
	}
	var mu sync.Mutex // guards done and the maps of w
	group, within := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	var failed error // of the source
	for _, id := range params {
		n := g.Nodes[id]
		data, err := src.Tensor(n.Path, n.Shape)
		if err != nil {
			failed = fmt.Errorf("vulkan: weight %s: %w", n.Path, err)
		}
		if err != nil || within.Err() != nil {
			break
		}
		group.Go(func() error {
			b, err := w.place(within, n.Path, func() ([]byte, error) { return packer.Pack(id, data) })
			mu.Lock()
			defer mu.Unlock()
			if b != nil {
				w.buffers[n.Path], w.shapes[n.Path], w.packed[n.Path] = b, n.Shape, packer.Packed(id)
				w.bytes += b.Size()
			}
			if err != nil {
				return fmt.Errorf("vulkan: weight %s: %w", n.Path, err)
			}
			if done += 4 * int64(n.Shape.Elements()); progress != nil {
				progress(done, total)
			}
			return nil
		})
	}
	if err := cmp.Or(group.Wait(), failed, ctx.Err()); err != nil {
		return nil, errors.Join(err, w.Close())
	}
	return w, nil
}

// place packs a weight and copies it to the device.
func (w *Weights) place(ctx context.Context, name string, pack func() ([]byte, error)) (*engine.Buffer, error) {
	bytes, err := pack()
	if err != nil {
		return nil, err
	}
	b, err := w.device.NewBuffer(int64(len(bytes)), engine.DeviceMemory, name)
	if err != nil {
		return nil, err
	}
	return b, w.device.Upload(ctx, b, 0, bytes)
}

// Precision is how the matrices are stored, [kernels.F32] or [kernels.F16].
func (w *Weights) Precision() kernels.Precision { return w.layout.Precision }

// Bytes is the device memory taken.
func (w *Weights) Bytes() int64 { return w.bytes }

// check reports every parameter of a graph that the weights lack. Those that the graph reads in another way are one of these, or,
// with again, listed.
func (w *Weights) check(g *graph.Graph, again bool) (otherwise []graph.ID, err error) {
	if w.closed {
		return nil, fmt.Errorf("vulkan: compile: weights: %w", ErrClosed)
	}
	var errs []error
	packer := w.layout.Packer(g)
	for _, id := range g.Params() {
		n := g.Nodes[id]
		if have, ok := w.shapes[n.Path]; !ok {
			errs = append(errs, fmt.Errorf("%s is missing", n.Path))
		} else if !have.Equal(n.Shape) {
			errs = append(errs, fmt.Errorf("%s is %v, the graph wants %v", n.Path, have, n.Shape))
		} else if as, wants := w.packed[n.Path], packer.Packed(id); as != wants && again {
			otherwise = append(otherwise, id)
		} else if as != wants {
			errs = append(errs, fmt.Errorf("%s is packed as %q, the graph reads it as %q", n.Path, as, wants))
		}
	}
	if len(errs) > 0 {
		return nil, fmt.Errorf("vulkan: %w: weights were uploaded for another model: %w", graph.ErrShape, errors.Join(errs...))
	}
	return otherwise, nil
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
