package swin

import (
	"fmt"
	"slices"
	"strings"

	"github.com/glipvk/glipvk/bind"
	"github.com/glipvk/glipvk/graph"
)

// Bind matches a checkpoint with an architecture, as [bind.Bind] does. Names and the
// order of patch merging are mapped from the file's family; the bound names and orders
// are those of the recorded graph, which are mmpretrain's. Position tables of another
// window and embeddings kept as [1, C, H, W] are brought into the graph's form.
//
// Errors: those of [Detect], Config.Validate and [bind.Bind].
func Bind(src bind.Source, cfg Config, o bind.Options) (*bind.Weights, error) {
	names, err := MapNames(src)
	if err != nil {
		return nil, err
	}
	plan, err := names.Plan(cfg)
	if err != nil {
		return nil, err
	}
	return bind.Bind(src, plan, o)
}

// Plan says which of the file's tensors are the parameters of an architecture. The
// error is that of Config.Validate.
func (m *NameMap) Plan(cfg Config) (bind.Plan, error) {
	params, err := parameters(cfg)
	if err != nil {
		return bind.Plan{}, err
	}
	p := bind.Plan{
		Model: "swin", Names: &m.NameMap,
		Spare: func(name string) string {
			if s, ok := normOf(name); ok && s < cfg.Stages() {
				return reasonNorm
			}
			return ""
		},
		Differences: func() []string {
			file, err := m.infer()
			if err != nil {
				return nil
			}
			return Differences(file, cfg)
		},
	}
	for _, n := range params {
		p.Parameters = append(p.Parameters, m.parameter(n, cfg))
	}
	return p, nil
}

// parameter says how a parameter of the graph is found in the file.
func (m *NameMap) parameter(n graph.Node, cfg Config) bind.Parameter {
	p := bind.Parameter{Name: n.Path, Shape: slices.Clone(n.Shape), Keys: m.Keys[n.Path]}
	switch {
	case strings.Contains(p.Name, ".downsample.") && m.Family != MMPretrain:
		p.Order = mergeOrder(p.Shape[len(p.Shape)-1] / 4)
	case strings.HasSuffix(p.Name, ".relative_position_bias_table"):
		p.Accept = table(p.Shape)
		p.IfShape = "only the position tables differ: choose the model with the file's window, or have the tables resized (ResizeTables)"
	case p.Name == "absolute_pos_embed":
		p.Accept = plane(p.Shape)
	}
	if s, ok := normOf(p.Name); ok && s < cfg.Stages()-1 {
		p.IfMissing = fmt.Sprintf("the file has no norms for those stages: ask for the last map alone (OutIndices %d)", cfg.Stages()-1)
	}
	return p
}

// parameters lists what the recorded graph reads: the paths and shapes of its
// Params. They do not depend on the size of the picture.
func parameters(cfg Config) ([]graph.Node, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	padded := cfg
	padded.PadSmallMap = true // so that no picture is too small
	side := cfg.PatchSize * cfg.WindowSize
	g, err := Record(padded, Input{Batch: 1, Height: side, Width: side})
	if err != nil {
		return nil, err
	}
	var list []graph.Node
	for _, id := range g.Params() {
		list = append(list, g.Nodes[id])
	}
	return list, nil
}

// normOf returns the stage of an output norm.
func normOf(name string) (int, bool) {
	c, ok := match(name, "normN.*")
	return c.norm, ok
}

// plane accepts a position embedding [1, C, H, W] for one [1, L, C].
func plane(want []int) func([]int, bind.Resize) (bind.Form, bool) {
	return func(got []int, _ bind.Resize) (bind.Form, bool) {
		if len(got) != 4 || len(want) != 3 || got[0] != 1 || got[1] != want[2] || got[2] != got[3] || got[2]*got[3] != want[1] {
			return nil, false
		}
		return func(data []float32) []float32 { return transpose(data, want[2], want[1]) }, true
	}
}

// table accepts a position table with another number of offsets, where tables may be
// resized.
func table(want []int) func([]int, bind.Resize) (bind.Form, bool) {
	return func(got []int, r bind.Resize) (bind.Form, bool) {
		if r == bind.Refuse || len(got) != 2 || got[1] != want[1] {
			return nil, false
		}
		side := isqrt(got[0])
		resize := ResizeTableGeometric
		if r == bind.Bicubic {
			resize = ResizeTableBicubic
		}
		form := func(data []float32) []float32 { return resize(data, got[1], side, isqrt(want[0])) }
		return form, side*side == got[0] && side%2 == 1
	}
}

// mergeOrder rewrites rows of 4C elements from Microsoft's order of the four
// neighbours, (ky + 2kx)·C + c, to the graph's, 4c + 2ky + kx
// (mmpretrain/tools/model_converters/glip_to_mmpretrain.py, correct_unfold_*).
func mergeOrder(channels int) func(data []float32) {
	return rows(4*channels, func(now, old []float32) {
		for i := range now {
			now[i] = old[(i/2%2+i%2*2)*channels+i/4]
		}
	})
}

// blockOrder is the way back of mergeOrder.
func blockOrder(channels int) func(data []float32) {
	return rows(4*channels, func(now, old []float32) {
		for i, v := range old {
			now[(i/2%2+i%2*2)*channels+i/4] = v
		}
	})
}

// rows gives each row of so many elements another order, in place.
func rows(width int, order func(now, old []float32)) func(data []float32) {
	return func(data []float32) {
		old := make([]float32, width)
		for row := 0; row+width <= len(data); row += width {
			now := data[row:][:width]
			copy(old, now)
			order(now, old)
		}
	}
}

// transpose turns [rows, cols] into [cols, rows].
func transpose(data []float32, rows, cols int) []float32 {
	out := make([]float32, len(data))
	for r := range rows {
		for c := range cols {
			out[c*rows+r] = data[r*cols+c]
		}
	}
	return out
}
