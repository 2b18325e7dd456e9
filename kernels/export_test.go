package kernels

import (
	"fmt"
	"maps"
	"slices"

	"github.com/glipvk/glipvk/engine"
	"github.com/glipvk/glipvk/graph"
)

// Styles are the ways that [Compile] can choose, by what a test calls them.
func Styles() map[string]Style {
	return map[string]Style{
		"software":        {Texel: true, Gemm: direct, Group: 8, Lanes: 1, Cores: 2},
		"uniform":         {Texel: true, Gemm: uniform, Group: 8, Lanes: 1, Cores: 2},
		"direct":          {Gemm: direct, Group: 64, Lanes: 32},
		"direct-software": {Gemm: direct, Group: 4, Lanes: 1, Cores: 2},
		"tiled":           {Gemm: tiled, Group: 64, Lanes: 32},
		"few registers":   {Gemm: tiled, Group: 64, Lanes: 32, Keys: fewKeys, Registers: narrowRegisters},
		"coop":            {Gemm: coop, Group: 64, Lanes: 32, Matrix: Matrix{16, 16, 16, 32, true}},
		"coop of 8":       {Gemm: coop, Group: 64, Lanes: 32, Matrix: Matrix{8, 8, 8, 8, false}},
		"coop of 64":      {Gemm: coop, Group: 64, Lanes: 32, Matrix: Matrix{16, 16, 16, 64, true}},
	}
}

// Roomy are the styles of graphics cards whose invocations have registers for more sums of a product.
func Roomy() map[string]Style {
	return map[string]Style{
		"many sums": {Gemm: tiled, Group: 64, Lanes: 32, Sums: manySums, PlainSums: manySums},
		"some sums": {Gemm: tiled, Group: 64, Lanes: 32, Sums: someSums, PlainSums: manySums, Keys: someKeys},
	}
}

// AllStyles are both.
func AllStyles() map[string]Style {
	all := Styles()
	maps.Copy(all, Roomy())
	return all
}

// Lowered is a dispatch before it is put in the engine's terms.
type Lowered = dispatch

// Shader is the variant's name in package shaders.
func (x dispatch) Shader() string { return x.shader }

// Constants are the specialization constants from 0 on.
func (x dispatch) Constants() []uint32 { return x.constants }

// Push is the struct that mirrors the shader's block.
func (x dispatch) Push() any { return x.push }

// Operands are the bound ranges.
func (x dispatch) Operands() []LoweredOperand { return x.operands }

// LoweredOperand is one of its operands.
type LoweredOperand = operand

// Access says what the shader does with it.
func (o operand) Access() engine.Access { return o.access }

// Addressed reports whether operands are found by address.
func (x dispatch) Addressed() bool { return x.addressed }

// LowerAs lowers a graph in any style.
func LowerAs(g *graph.Graph, s Style, caps engine.Caps, p Precision, o Options) ([]Lowered, error) {
	caps.MaxAllocationBytes = 1 << 40
	w := Rewrite(g, engine.Info{Caps: caps}, Layout{s, p}, o)
	if err := w.l.plan(w.steps, o); err != nil {
		return nil, err
	}
	err := w.l.lowerAll(w.steps)
	return w.l.list, err
}

// StepKind is the kind of step that a single node of a graph becomes.
func StepKind(g *graph.Graph) string {
	list := steps(g)
	return graph.Kind(list[len(list)-1].op)
}

// JoinedKinds are the kinds of the steps of a graph after all rewrites.
func JoinedKinds(g *graph.Graph) []string {
	list, _ := rewrite(g, steps(g), g.Outputs, 1<<27, Styles()["tiled"])
	var kinds []string
	for _, s := range list {
		kinds = append(kinds, graph.Kind(s.op))
	}
	return kinds
}

// Steps prints the steps of a graph, after rewriting if fused, one a line.
func Steps(g *graph.Graph, fused bool, keep ...graph.ID) []string {
	list, alias := steps(g), map[graph.ID]graph.ID{}
	if fused {
		list, alias = rewrite(g, list, slices.Concat(g.Outputs, keep), 1<<27, Styles()["tiled"])
	}
	var lines []string
	for _, s := range list {
		line := fmt.Sprintf("%s = %s", g.Nodes[s.out].Path, graph.Kind(s.op))
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

// CoopTiles are the tiles of cooperative matrices that a device offers for a product of 16-bit weights.
func CoopTiles(info engine.Info, m, n, k int) (tiles []Tile, key string) {
	s, err := StyleOf(info, "coop")
	if err != nil {
		panic(err)
	}
	p := shape{m: m, n: n, k: k, variant: "_fhf", mode: identity}
	return s.coopTiles(p), p.tuned().String()
}

// Runs reports whether the device can run a style in reasonable time: Mesa before 26 takes
// minutes for the uniform shaders, SwiftShader has no texel buffers to speak of, and
// cooperative matrices are the device's own or none.
func (s Style) Runs(info engine.Info) bool {
	own, err := StyleOf(info, "")
	if err != nil {
		panic(err)
	}
	return (s.Gemm != uniform || own.Gemm == uniform) && (!s.Texel || own.Texel) && (s.Gemm != coop || s.Matrix == matrixOf(info.Caps))
}
