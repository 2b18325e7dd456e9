package kernels

import (
	"context"
	"errors"
	"fmt"

	"github.com/glipvk/glipvk/engine"
	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/shaders"
)

// Options says how a graph is compiled. The zero value is the fast way.
type Options struct {
	// Keep lists values to return besides the outputs. They are never joined away.
	Keep []graph.ID
	// NoFusion lowers every node by itself.
	NoFusion bool
	// NoReuse gives every value memory of its own: it is how aliasing mistakes are bisected.
	NoReuse bool
	// Variant overrides what the device would get: "direct" (GEMM in registers) or
	// "tiled" (GEMM through shared memory, what a graphics card gets). "" is by device.
	Variant string

	caps  *engine.Caps // for tests: limits below the device's
	style *style       // for tests: in place of Variant
}

// Compile turns a graph into a program on the device of the weights. The caller closes
// the program, before the weights. Errors name the node and its shape.
func Compile(ctx context.Context, d *engine.Device, g *graph.Graph, w *Weights, o Options) (*Program, error) {
	if err := w.check(g); err != nil {
		return nil, err
	}
	info := d.Info()
	if o.caps != nil {
		info.Caps = *o.caps
	}
	s, err := styleOf(info, o.Variant)
	if err != nil {
		return nil, err
	}
	if o.style != nil {
		s = *o.style
	}
	p := &Program{device: d, weights: w, inputs: g.Inputs(), results: append(append([]graph.ID{}, g.Outputs...), o.Keep...), graph: g}
	limit := info.Caps.MaxStorageBufferRange // texel buffers, where read, hold as much (readsTexels)
	list := steps(g)
	p.alias = map[graph.ID]graph.ID{}
	if !o.NoFusion {
		list, p.alias = rewrite(g, list, p.results, limit)
	}
	align := max(info.Caps.StorageAlignment, 16)
	values := lifetimes(g, list, p.owned())
	apart := max(align, 256) // values begin at cache lines of any device
	slab := info.Caps.MaxAllocationBytes / apart * apart
	if err := fitSlab(g, values, slab); err != nil {
		return nil, err
	}
	p.layout = plan(values, apart, slab, !o.NoReuse)
	if err := p.allocate(); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	l := &lowerer{g: g, caps: info.Caps, style: s, limit: limit, align: align, layout: p.layout, alias: p.alias, arena: p.arena, weights: w}
	for _, s := range list {
		if err := l.lower(s); err != nil {
			return nil, errors.Join(err, p.Close())
		}
	}
	p.dispatches = l.list
	if err := p.pipelines(ctx); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	if p.commands, err = p.record(engine.RecorderOptions{}); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return p, nil
}

// fitSlab refuses values that no single buffer of the device can hold.
func fitSlab(g *graph.Graph, values []lifetime, slab int64) error {
	for _, v := range values {
		if v.bytes > slab {
			n := g.Nodes[v.id]
			return fmt.Errorf("kernels: %s: %s %v: %d bytes, the device allows %d in one piece; use smaller pictures or batches: %w",
				n.Path, n.Op.Kind(), n.Shape, v.bytes, slab, engine.ErrUnsupported)
		}
	}
	return nil
}

// owned are the values behind the results.
func (p *Program) owned() []graph.ID {
	list := make([]graph.ID, len(p.results))
	for i, id := range p.results {
		list[i] = resolve(p.alias, id)
	}
	return list
}

// allocate makes the arena and, where the host cannot see it, staging for inputs and results.
func (p *Program) allocate() error {
	var err error
	for left := max(p.layout.bytes, 16); left > 0; left -= p.layout.slab {
		b, err := p.device.NewBuffer(min(left, p.layout.slab), engine.DeviceMemory, "arena")
		if err != nil {
			return fmt.Errorf("kernels: arena of %d bytes: %w", p.layout.bytes, err)
		}
		p.arena = append(p.arena, b)
	}
	if p.arena[0].Bytes() != nil {
		return nil
	}
	sum := func(ids []graph.ID) (n int64) {
		for _, id := range ids {
			n += p.bytes(id)
		}
		return n
	}
	if p.up, err = p.device.NewBuffer(max(sum(p.inputs), 4), engine.UploadMemory, "inputs"); err != nil {
		return fmt.Errorf("kernels: upload buffer: %w", err)
	}
	if p.down, err = p.device.NewBuffer(max(sum(p.results), 4), engine.ReadbackMemory, "results"); err != nil {
		return fmt.Errorf("kernels: readback buffer: %w", err)
	}
	return nil
}

// pipelines finds or makes the pipeline of every dispatch.
func (p *Program) pipelines(ctx context.Context) error {
	codes := map[string][]uint32{} // by shader: a program uses each many times
	for _, x := range p.dispatches {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("kernels: compile: %w", err)
		}
		if codes[x.shader] == nil {
			code, err := shaders.Code(x.shader)
			if err != nil {
				return fmt.Errorf("kernels: %s: %w", x.path, err)
			}
			codes[x.shader] = code
		}
		push, err := encode(x.push)
		if err != nil {
			return fmt.Errorf("kernels: %s: push constants: %w", x.path, err)
		}
		spec := engine.PipelineSpec{Label: x.shader, Code: codes[x.shader], Bindings: len(x.operands), PushBytes: len(push), Constants: x.constants}
		for i := range x.operands {
			if x.texel(i) != 0 {
				spec.Texels |= 1 << i
			}
		}
		pipeline, err := p.device.Pipeline(spec)
		if err != nil {
			return fmt.Errorf("kernels: %s: %w", x.path, err)
		}
		p.pipeline, p.push = append(p.pipeline, pipeline), append(p.push, push)
	}
	return nil
}

// texel is the width of the texel buffer that operand i is read through, 0 for a storage buffer.
func (x dispatch) texel(i int) int {
	if o := x.operands[i]; o.access == engine.Read && isTexel(x.shader) {
		return o.width
	}
	return 0
}

// record writes the program's commands: inputs in, all dispatches, results out.
func (p *Program) record(o engine.RecorderOptions) (*engine.Commands, error) {
	r, err := p.device.NewRecorder("program", o)
	if err != nil {
		return nil, err
	}
	defer r.Abandon()
	var at int64
	for _, id := range p.inputs {
		if p.up != nil {
			b, offset := p.home(id)
			r.Copy(b, offset, p.up, at, p.bytes(id))
			at += p.bytes(id)
		}
	}
	for i, x := range p.dispatches {
		d := engine.Dispatch{Label: x.path, Pipeline: p.pipeline[i], Push: p.push[i], Groups: x.groups}
		for k, b := range x.operands {
			d.Bindings = append(d.Bindings, engine.Binding{Buffer: b.buffer, Offset: b.offset, Size: b.bytes, Access: b.access, Texel: x.texel(k)})
		}
		r.Dispatch(d)
	}
	at = 0
	for _, id := range p.results {
		if p.down != nil {
			b, offset := p.home(id)
			r.Copy(p.down, at, b, offset, p.bytes(id))
			at += p.bytes(id)
		}
	}
	return r.Finish()
}
