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
		"software":        {texel: true, gemm: direct, group: 8, lanes: 1, shuffle: true, cores: 2},
		"uniform":         {texel: true, gemm: uniform, group: 8, lanes: 1, shuffle: true, cores: 2},
		"direct":          {gemm: direct, group: 64, lanes: 32, shuffle: true},
		"direct-software": {gemm: direct, group: 4, lanes: 1, shuffle: true, cores: 2},
		"no shuffle":      {texel: true, gemm: direct, group: 4, lanes: 1, cores: 2},
		"tiled":           {gemm: tiled, group: 64, lanes: 32},
		"coop":            {gemm: coop, group: 64, lanes: 32, matrix: matrix{16, 16, 16, 32, true}},
		"coop of 8":       {gemm: coop, group: 64, lanes: 32, matrix: matrix{8, 8, 8, 8, false}},
		"coop of 64":      {gemm: coop, group: 64, lanes: 32, matrix: matrix{16, 16, 16, 64, true}},
	}
}

// WithStyle returns options that take one style whatever the device.
func (o UploadOptions) WithStyle(s Style) UploadOptions {
	o.style = &s
	return o
}

// StyleOf is what a device gets.
func StyleOf(info engine.Info) Style {
	s, err := styleOf(info, "")
	if err != nil {
		panic(err)
	}
	return s
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

// Addressed reports whether operands are found by address.
func (x dispatch) Addressed() bool { return x.addressed }

// Lower lowers a graph without a device.
func Lower(g *graph.Graph, s Style, caps engine.Caps, p Precision, o Options) ([]Dispatch, error) {
	caps.MaxAllocationBytes = 1 << 40
	l := newLowerer(g, engine.Info{Caps: caps}, s, p)
	list := l.rewrite(o)
	if err := l.plan(list, o); err != nil {
		return nil, err
	}
	err := l.lowerAll(list)
	return l.list, err
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

// JoinedKinds are the kinds of the steps of a graph after all rewrites.
func JoinedKinds(g *graph.Graph) []string {
	list, _ := rewrite(g, steps(g), g.Outputs, 1<<27, Styles()["software"])
	var kinds []string
	for _, s := range list {
		kinds = append(kinds, s.op.Kind())
	}
	return kinds
}

// Steps prints the steps of a graph, after rewriting if fused, one a line.
func Steps(g *graph.Graph, fused bool, keep ...graph.ID) []string {
	list, alias := steps(g), map[graph.ID]graph.ID{}
	if fused {
		list, alias = rewrite(g, list, slices.Concat(g.Outputs, keep), 1<<27, Styles()["software"])
	}
	var lines []string
	for _, s := range list {
		line := fmt.Sprintf("%s = %s", g.Nodes[s.out].Path, s.op.Kind())
		switch o := s.op.(type) {
		case linear:
			line += fmt.Sprintf("{bias:%v gelu:%v residual:%v norm:%v", o.bias, o.gelu, o.residual, o.norm != nil)
			if o.rows != nil {
				line += " rows:" + o.rows.String()
			}
			if o.merge != nil {
				line += fmt.Sprintf(" merge:%+v", *o.merge)
			}
			line += "}"
		case attention:
			line += fmt.Sprintf("{heads:%d bias:%v mask:%v side:%d}", o.heads, o.bias, o.mask != nil, o.side)
		case softmax:
			line += fmt.Sprintf("{bias:%v mask:%v side:%d}", o.bias, o.mask != nil, o.side)
		case move:
			line += o.String()
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

// String is the printed form of a move.
func (m move) String() string {
	return fmt.Sprintf("{%s map:%dx%d padded:%dx%d size:%d by:%d,%d}", [...]string{"partition", "reverse", "remap"}[m.mode],
		m.mapH, m.mapW, m.padH, m.padW, m.size, m.down, m.right)
}

// Refuses is why a device cannot be given a variant, nil if it can.
func Refuses(info engine.Info, variant string) error {
	_, err := styleOf(info, variant)
	return err
}

// CoopTiles are the tiles of cooperative matrices that a device offers for a product of 16-bit weights.
func CoopTiles(info engine.Info, m, n, k int) (tiles []Tile, key string) {
	s, err := styleOf(info, "coop")
	if err != nil {
		panic(err)
	}
	p := shape{m: m, n: n, k: k, variant: "_fhf", mode: identity}
	return s.coopTiles(p), p.tuned().String()
}

// Tile is the share of a workgroup of a product.
type Tile = tile

// WithTile returns options that give a product, by its key, this tile.
func (o Options) WithTile(key string, t Tile) Options {
	o.tiles = map[string]tile{key: t}
	return o
}

// WithBlock returns options that give a block of biattention so many positions at most.
func (o Options) WithBlock(positions int) Options {
	o.block = positions
	return o
}

// TileConstants are the specialization constants that say so.
func TileConstants(t Tile) []uint32 { return t.constants }
