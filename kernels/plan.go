package kernels

import (
	"context"
	"errors"
	"fmt"
	"slices"

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
	// Tuning says how tiles of matrix products are chosen.
	Tuning Tuning

	caps  *engine.Caps    // for tests: limits below the device's
	tiles map[string]tile // for tuning: in place of those that ought to suit
	block int             // for tests: positions of a block of biattention
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
	l := newLowerer(g, info, w.style, w.precision)
	list := l.rewrite(o)
	l.measured = o.tiles
	if !o.Tuning.Off {
		if err := l.tune(ctx, w, list, o.Tuning); err != nil {
			return nil, err
		}
	}
	if err := l.plan(list, o); err != nil {
		return nil, err
	}
	if err := l.lowerAll(list); err != nil {
		return nil, err
	}
	p := &Program{device: d, weights: w, inputs: g.Inputs(), results: results(g, o), graph: g, alias: l.alias, begins: l.begins, layout: l.layout, dispatches: l.list}
	if err := p.allocate(); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	if err := p.pipelines(ctx); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	var err error
	if p.commands, err = p.record(engine.RecorderOptions{}, nil); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return p, nil
}

// results are the values that a program returns: outputs, then kept values.
func results(g *graph.Graph, o Options) []graph.ID { return slices.Concat(g.Outputs, o.Keep) }

func newLowerer(g *graph.Graph, info engine.Info, s style, p Precision) *lowerer {
	return &lowerer{g: g, caps: info.Caps, style: s, precision: p, limit: info.Caps.MaxStorageBufferRange, // texel buffers, where read, hold as much (readsTexels)
		align: max(info.Caps.StorageAlignment, 16), alias: map[graph.ID]graph.ID{}, begins: map[graph.ID]int{}, linears: linearWeights(g), convs: convWeights(g)}
}

// rewrite makes the steps of a graph, joined unless that is off, and finds the values
// that are stored in 16 bits.
func (l *lowerer) rewrite(o Options) []step {
	list := steps(l.g)
	l.block = o.block
	kept := results(l.g, o)
	if !o.NoFusion {
		list, l.alias = rewrite(l.g, list, kept, l.limit, l.style)
		list = l.views(list)
	}
	l.half = l.halves(list, kept)
	return list
}

// plan lays the arena out.
func (l *lowerer) plan(list []step, o Options) error {
	kept := results(l.g, o)
	for i, id := range kept {
		kept[i] = resolve(l.alias, id)
	}
	values := lifetimes(l.g, list, kept, l.alias, l.half, l.scratchBytes)
	apart := max(l.align, 256) // values begin at cache lines of any device
	slab := l.caps.MaxAllocationBytes / apart * apart
	if err := fitSlab(l.g, values, slab); err != nil {
		return err
	}
	l.layout = plan(values, apart, slab, !o.NoReuse)
	return nil
}

func (l *lowerer) lowerAll(list []step) error {
	for i, s := range list {
		l.at = i
		if err := l.lower(s); err != nil {
			return err
		}
	}
	return nil
}

// fitSlab refuses values that no single buffer of the device can hold.
func fitSlab(g *graph.Graph, values []lifetime, slab int64) error {
	for _, v := range values {
		if v.bytes > slab {
			if v.id < 0 {
				return fmt.Errorf("kernels: scratch of %d bytes, the device allows %d in one piece; use smaller pictures or batches: %w", v.bytes, slab, engine.ErrUnsupported)
			}
			n := g.Nodes[v.id]
			return fmt.Errorf("kernels: %s: %s %v: %d bytes, the device allows %d in one piece; use smaller pictures or batches: %w",
				n.Path, n.Op.Kind(), n.Shape, v.bytes, slab, engine.ErrUnsupported)
		}
	}
	return nil
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
	if p.up, p.down, err = p.staging(); err != nil {
		return err
	}
	return nil
}

// staging makes buffers through which inputs and results pass.
func (p *Program) staging() (up, down *engine.Buffer, err error) {
	sum := func(ids []graph.ID) (n int64) {
		for _, id := range ids {
			n += p.bytes(id)
		}
		return n
	}
	if up, err = p.device.NewBuffer(max(sum(p.inputs), 4), engine.UploadMemory, "inputs"); err != nil {
		return nil, nil, fmt.Errorf("kernels: upload buffer: %w", err)
	}
	if down, err = p.device.NewBuffer(max(sum(p.results), 4), engine.ReadbackMemory, "results"); err != nil {
		return nil, nil, errors.Join(fmt.Errorf("kernels: readback buffer: %w", err), up.Close())
	}
	return up, down, nil
}

// spec is the pipeline of a dispatch.
func (x dispatch) spec(code []uint32, pushBytes int) engine.PipelineSpec {
	spec := engine.PipelineSpec{Label: x.shader, Code: code, Bindings: len(x.operands), Addressed: x.addressed, PushBytes: pushBytes, Constants: x.constants, Subgroup: x.subgroup}
	for i := range x.operands {
		if x.texel(i) != 0 {
			spec.Texels |= 1 << i
		}
	}
	return spec
}

// specs are the pipelines and push constants of dispatches.
func specs(list []dispatch) ([]engine.PipelineSpec, [][]byte, error) {
	codes := map[string][]uint32{} // by shader: a program uses each many times
	var all []engine.PipelineSpec
	var pushes [][]byte
	for _, x := range list {
		if codes[x.shader] == nil {
			code, err := shaders.Code(x.shader)
			if err != nil {
				return nil, nil, fmt.Errorf("kernels: %s: %w", x.path, err)
			}
			codes[x.shader] = code
		}
		push, err := encode(x.push)
		if err != nil {
			return nil, nil, fmt.Errorf("kernels: %s: push constants: %w", x.path, err)
		}
		all, pushes = append(all, x.spec(codes[x.shader], len(push))), append(pushes, push)
	}
	return all, pushes, nil
}

// pipelines finds or makes the pipeline of every dispatch.
func (p *Program) pipelines(ctx context.Context) error {
	list, pushes, err := specs(p.dispatches)
	if err != nil {
		return err
	}
	p.push = pushes
	for i, spec := range list {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("kernels: compile: %w", err)
		}
		pipeline, err := p.device.Pipeline(spec)
		if err != nil {
			return fmt.Errorf("kernels: %s: %w", p.dispatches[i].path, err)
		}
		p.pipeline = append(p.pipeline, pipeline)
	}
	return nil
}

// PipelineUse is a pipeline that a program needs, and the first place that needs it.
type PipelineUse struct {
	Path string // in the graph
	Spec engine.PipelineSpec
}

// Pipelines lists the pipelines of a graph's program on a device of which no more is
// known than its description, each once. It measures nothing: tiles are the ones that ought to suit.
func Pipelines(g *graph.Graph, info engine.Info, u UploadOptions, o Options) ([]PipelineUse, error) {
	s, err := styleOf(info, u.Variant)
	if err != nil {
		return nil, err
	}
	precision, _, err := Settle(info, u.Precision)
	if err != nil {
		return nil, err
	}
	l := newLowerer(g, info, s, precision)
	list := l.rewrite(o)
	if err := l.plan(list, o); err != nil {
		return nil, err
	}
	if err := l.lowerAll(list); err != nil {
		return nil, err
	}
	all, _, err := specs(l.list)
	if err != nil {
		return nil, err
	}
	var uses []PipelineUse
	seen := map[string]bool{}
	for i, spec := range all {
		if key := fmt.Sprint(spec.Label, spec.Constants, spec.Texels); !seen[key] {
			seen[key] = true
			uses = append(uses, PipelineUse{l.list[i].path, spec})
		}
	}
	return uses, nil
}

// texel is the width of the texel buffer that operand i is read through, 0 for a storage buffer.
func (x dispatch) texel(i int) int {
	if o := x.operands[i]; o.access == engine.Read && isTexel(x.shader) {
		return o.width
	}
	return 0
}

// binding is operand i as the engine takes it.
func (p *Program) binding(x dispatch, i int) engine.Binding {
	o := x.operands[i]
	b := engine.Binding{Offset: o.offset, Size: o.bytes, Access: o.access, Texel: x.texel(i)}
	if b.Buffer = p.weights.buffers[o.weight]; o.weight == "" {
		b.Buffer, b.Offset = p.arena[o.offset/p.layout.slab], o.offset%p.layout.slab
	}
	b.Half = o.half && b.Texel != 0
	return b
}

// record writes the program's commands: inputs in, all dispatches, results out. Inputs and
// results take the way through the lane's buffers, without one through the program's own, or none.
func (p *Program) record(o engine.RecorderOptions, through *lane) (*engine.Commands, error) {
	r, err := p.device.NewRecorder("program", o)
	if err != nil {
		return nil, err
	}
	defer r.Abandon()
	up, down := p.up, p.down
	if through != nil {
		up, down = through.up, through.down
	}
	var at int64
	for _, id := range p.inputs {
		if up != nil {
			b, offset := p.home(id)
			r.Copy(b, offset, up, at, p.bytes(id))
			at += p.bytes(id)
		}
	}
	for i, x := range p.dispatches {
		d := engine.Dispatch{Label: x.path, Pipeline: p.pipeline[i], Push: p.push[i], Groups: x.groups}
		for k := range x.operands {
			d.Bindings = append(d.Bindings, p.binding(x, k))
		}
		r.Dispatch(d)
	}
	at = 0
	for _, id := range p.results {
		if down != nil {
			b, offset := p.home(id)
			r.Copy(down, at, b, offset, p.bytes(id))
			at += p.bytes(id)
		}
	}
	return r.Finish()
}
