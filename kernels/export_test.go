package kernels

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/glipvk/glipvk/engine"
	"github.com/glipvk/glipvk/graph"
)

// WithCaps returns options that pretend to limits below the device's.
func (o Options) WithCaps(change func(*engine.Caps), d *engine.Device) Options {
	caps := d.Info().Caps
	change(&caps)
	o.caps = &caps
	return o
}

// Style names one way of writing shaders, also ways that no device is given yet.
type Style = style

// Styles are the ways that [Compile] can choose, by what a test calls them.
func Styles() map[string]Style {
	return map[string]Style{
		"software":        {texel: true, direct: true, group: 8, lanes: 1},
		"direct":          {direct: true, group: 64, lanes: 32},
		"direct-software": {texel: true, direct: true, group: 4, lanes: 1},
		"tiled":           {group: 64, lanes: 32},
	}
}

// WithStyle returns options that take one style whatever the device.
func (o Options) WithStyle(s Style) Options {
	o.style = &s
	return o
}

// Dispatches are those of a program, in order.
func (p *Program) Dispatches() []Dispatch { return p.dispatches }

// Dispatch is one dispatch of a program or of [Lower].
type Dispatch = dispatch

// Shader is the variant's name in package shaders.
func (x dispatch) Shader() string { return x.shader }

// Path is that of the step in the graph.
func (x dispatch) Path() string { return x.path }

// Constants are the specialization constants from 0 on.
func (x dispatch) Constants() []uint32 { return x.constants }

// Push is the struct that mirrors the shader's block.
func (x dispatch) Push() any { return x.push }

// Groups is the grid.
func (x dispatch) Groups() [3]int { return x.groups }

// Operands are the bound ranges.
func (x dispatch) Operands() []Operand { return x.operands }

// Operand is a bound range of a buffer.
type Operand = operand

// Range is where it lies, in bytes.
func (o operand) Range() (offset, bytes int64) { return o.offset, o.bytes }

// Access says what the shader does with it.
func (o operand) Access() engine.Access { return o.access }

// Lower lowers a graph without a device.
func Lower(g *graph.Graph, s Style, caps engine.Caps, o Options) ([]Dispatch, error) {
	w := &Weights{buffers: map[string]*engine.Buffer{}}
	for _, id := range g.Params() {
		w.buffers[g.Nodes[id].Path] = new(engine.Buffer)
	}
	list, alias := steps(g), map[graph.ID]graph.ID{}
	if !o.NoFusion {
		list, alias = rewrite(g, list, slices.Concat(g.Outputs, o.Keep), caps.MaxStorageBufferRange)
	}
	align := max(caps.StorageAlignment, 16)
	l := &lowerer{g: g, caps: caps, style: s, limit: caps.MaxStorageBufferRange, align: align, alias: alias, weights: w,
		layout: plan(lifetimes(g, list, slices.Concat(g.Outputs, o.Keep)), max(align, 256), 1<<40, !o.NoReuse), arena: []*engine.Buffer{new(engine.Buffer)}}
	for _, s := range list {
		if err := l.lower(s); err != nil {
			return nil, err
		}
	}
	return l.list, nil
}

// Poison writes NaN into the whole arena. The device must be idle.
func (p *Program) Poison(ctx context.Context) error {
	var errs []error
	for _, slab := range p.arena {
		data := make([]byte, slab.Size())
		for i := range data {
			data[i] = 0xff
		}
		errs = append(errs, p.device.Upload(ctx, slab, 0, data))
	}
	return errors.Join(errs...)
}

// Slabs is the number of buffers that make up the arena.
func (p *Program) Slabs() int { return len(p.arena) }

// Staged reports whether inputs and results take the way through staging memory.
func (p *Program) Staged() bool { return p.up != nil }

// LoweredKinds lists what there are lowerings for.
func LoweredKinds() []string {
	var kinds []string
	for kind := range lowerings() {
		kinds = append(kinds, kind)
	}
	slices.Sort(kinds)
	return kinds
}

// StepKind is the kind of step that a single node of a graph becomes.
func StepKind(g *graph.Graph) string {
	list := steps(g)
	return list[len(list)-1].op.Kind()
}

// Steps prints the steps of a graph, after rewriting if fused, one a line.
func Steps(g *graph.Graph, fused bool, keep ...graph.ID) []string {
	list, alias := steps(g), map[graph.ID]graph.ID{}
	if fused {
		list, alias = rewrite(g, list, slices.Concat(g.Outputs, keep), 1<<27)
	}
	var lines []string
	for _, s := range list {
		line := fmt.Sprintf("%s = %s", g.Nodes[s.out].Path, s.op.Kind())
		switch o := s.op.(type) {
		case linear:
			line += fmt.Sprintf("%+v", o)
		case softmax:
			line += fmt.Sprintf("{bias:%v mask:%v side:%d}", o.bias, o.mask != nil, o.side)
		case move:
			line += fmt.Sprintf("{%s map:%dx%d padded:%dx%d size:%d by:%d,%d}", [...]string{"partition", "reverse", "remap"}[o.mode],
				o.mapH, o.mapW, o.padH, o.padW, o.size, o.down, o.right)
		}
		for _, in := range s.in {
			line += " " + g.Nodes[in].Path
		}
		lines = append(lines, line)
	}
	for i, n := range g.Nodes {
		if to, ok := alias[graph.ID(i)]; ok {
			lines = append(lines, n.Path+" is "+g.Nodes[to].Path)
		}
	}
	return lines
}
