package kernels

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/glipvk/glipvk/engine"
	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/shaders"
)

// Options says how a graph is lowered. The zero value is the fast way.
type Options struct {
	// Keep lists values to return besides the outputs. They are never joined away.
	Keep []graph.ID
	// NoFusion lowers every node by itself.
	NoFusion bool
	// NoReuse gives every value memory of its own: it is how aliasing mistakes are bisected.
	NoReuse bool
	// Block bounds the positions that an attention of positions and tokens takes at a time; 0
	// is what suits the device.
	Block int
}

// Plan is a graph as dispatches on one arena. It holds nothing of a device.
type Plan struct {
	Dispatches []Dispatch
	Inputs     []Range // in recording order
	Results    []Range // outputs, then kept values
	Arena      int64   // bytes of memory for intermediate values
	Slab       int64   // no range lies across a multiple of so many bytes: a buffer may end there
	Live       int64   // the least any arena could take, in bytes
}

// Range is a part of a weight or of the arena.
type Range struct {
	Weight        string // its path, "" for the arena
	Offset, Bytes int64
}

// Operand is a range as a shader is bound to it.
type Operand struct {
	Range
	Access engine.Access
	Texel  int  // floats of a texel of a texel buffer, 0 for a storage buffer
	Half   bool // the floats of a texel have 16 bits
}

// Dispatch is one run of a shader.
type Dispatch struct {
	Path     string // of the graph
	Pipeline engine.PipelineSpec
	Push     []byte
	Operands []Operand
	Groups   [3]int
	FLOPs    int64 // of products, two for each multiply-add
	Bytes    int64 // of every operand once, operands bound twice counted once
}

// Lowering is a graph whose steps are joined and not yet dispatches: what there is to
// measure is known ([Lowering.Products]).
type Lowering struct {
	l     *lowerer
	steps []step
	o     Options
}

// Rewrite makes the steps of a graph for a device of which no more is known than its
// description, joined unless that is off.
func Rewrite(g *graph.Graph, info engine.Info, at Layout, o Options) *Lowering {
	l := newLowerer(g, info, at)
	return &Lowering{l, l.rewrite(o), o}
}

// Lower is [Rewrite] and [Lowering.Plan] with the tiles that ought to suit.
func Lower(g *graph.Graph, info engine.Info, at Layout, o Options) (*Plan, error) {
	return Rewrite(g, info, at, o).Plan(nil)
}

// Plan lowers the steps; tiles are those to take in place of the ones that ought to suit, by
// [Product.Key]. Errors name the node and its shape. It may be called again.
func (w *Lowering) Plan(tiles map[string]Tile) (*Plan, error) {
	l := *w.l
	l.measured = tiles
	if err := l.plan(w.steps, w.o); err != nil {
		return nil, err
	}
	if err := l.lowerAll(w.steps); err != nil {
		return nil, err
	}
	p := &Plan{Arena: l.layout.bytes, Slab: l.layout.slab, Live: l.layout.live}
	for _, id := range l.g.Inputs() {
		p.Inputs = append(p.Inputs, l.home(id))
	}
	for _, id := range results(l.g, w.o) {
		p.Results = append(p.Results, l.home(id))
	}
	codes := map[string][]uint32{} // by shader: a program uses each many times
	for _, x := range l.list {
		d, err := x.finish(codes)
		if err != nil {
			return nil, fmt.Errorf("kernels: %s: %w", x.path, err)
		}
		p.Dispatches = append(p.Dispatches, d)
	}
	return p, nil
}

// results are the values that a program returns: outputs, then kept values.
func results(g *graph.Graph, o Options) []graph.ID { return slices.Concat(g.Outputs, o.Keep) }

func newLowerer(g *graph.Graph, info engine.Info, at Layout) *lowerer {
	return &lowerer{g: g, caps: info.Caps, style: at.Style, precision: at.Precision, limit: info.Caps.MaxStorageBufferRange, // texel buffers, where read, hold as much (readsTexels)
		align: max(info.Caps.StorageAlignment, 16), alias: map[graph.ID]graph.ID{}, begins: map[graph.ID]int{}, matrix: matrixWeights(g)}
}

// rewrite makes the steps of a graph, joined unless that is off, and finds the values
// that are stored in 16 bits.
func (l *lowerer) rewrite(o Options) []step {
	list := steps(l.g)
	l.block = o.Block
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
				n.Path, graph.Kind(n.Op), n.Shape, v.bytes, slab, engine.ErrUnsupported)
		}
	}
	return nil
}

// home is where a value lies.
func (l *lowerer) home(id graph.ID) Range {
	o := l.whole(id, 1)
	return Range{o.weight, o.offset, o.bytes}
}

// finish turns a dispatch into what the engine takes.
func (x dispatch) finish(codes map[string][]uint32) (Dispatch, error) {
	if codes[x.shader] == nil {
		code, err := shaders.Code(x.shader)
		if err != nil {
			return Dispatch{}, err
		}
		codes[x.shader] = code
	}
	push, err := binary.Append(nil, binary.LittleEndian, x.push) // as the shader expects it
	if err != nil {
		return Dispatch{}, fmt.Errorf("push constants: %w", err)
	}
	d := Dispatch{Path: x.path, Push: push, Groups: x.groups, FLOPs: x.flops,
		Pipeline: engine.PipelineSpec{Label: x.shader, Code: codes[x.shader], Bindings: len(x.operands), Addressed: x.addressed,
			PushBytes: len(push), Constants: x.constants, Subgroup: x.subgroup}}
	for i, o := range x.operands {
		b := Operand{Range: Range{o.weight, o.offset, o.bytes}, Access: o.access}
		if o.access == engine.Read && isTexel(x.shader) {
			d.Pipeline.Texels |= 1 << i
			b.Texel, b.Half = o.width, o.half
		}
		if !slices.ContainsFunc(d.Operands, func(e Operand) bool { return e.Weight == b.Weight && e.Offset == b.Offset }) {
			d.Bytes += b.Bytes
		}
		d.Operands = append(d.Operands, b)
	}
	return d, nil
}

// PipelineUse is a pipeline that a plan needs, and the first place that needs it.
type PipelineUse struct {
	Path string // in the graph
	Spec engine.PipelineSpec
}

// Pipelines lists the pipelines of a graph's plan on a device of which no more is known than
// its description, each once. The variant is that of [StyleOf]; tiles are the ones that ought to suit.
func Pipelines(g *graph.Graph, info engine.Info, p Precision, variant string, o Options) ([]PipelineUse, error) {
	at, err := LayoutOf(info, p, variant)
	if err != nil {
		return nil, err
	}
	plan, err := Lower(g, info, at, o)
	if err != nil {
		return nil, err
	}
	uses, _ := plan.Pipelines()
	return uses, nil
}

// Fits says whether a device can make the pipelines of a graph: the error is an [engine.ErrUnsupported] that names the first place of the graph
// whose pipeline it cannot make, and the limit or feature that it lacks. Sizes are another matter: a graph too large for the device passes.
func Fits(g *graph.Graph, info engine.Info, p Precision, o Options) error {
	p, _, err := Settle(info, p)
	if err != nil {
		return err
	}
	uses, err := Pipelines(g, info, p, "", o)
	if err != nil {
		return nil // who makes the program is told
	}
	for _, u := range uses {
		if err := u.Spec.Fits(info.Caps); err != nil {
			return fmt.Errorf("kernels: %s: %w", u.Path, err)
		}
	}
	return nil
}

// Pipelines lists the pipelines of a plan, each once, in the order in which they are needed, and
// says which of them each dispatch has.
func (p *Plan) Pipelines() (uses []PipelineUse, of []int) {
	number := map[string]int{}
	for _, x := range p.Dispatches {
		key := fmt.Sprint(x.Pipeline.Label, x.Pipeline.Constants, x.Pipeline.Texels)
		n, ok := number[key]
		if !ok {
			n = len(uses)
			number[key] = n
			uses = append(uses, PipelineUse{x.Path, x.Pipeline})
		}
		of = append(of, n)
	}
	return uses, of
}
