package difftest

import (
	"context"
	"errors"
	"slices"

	"github.com/glipvk/glipvk/cpu"
	"github.com/glipvk/glipvk/cpuref"
	"github.com/glipvk/glipvk/engine"
	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/vulkan"
)

// Executor computes a graph. Each implementation is judged by the same tests. They are made of packages cpuref, cpu and vulkan, below
// package executor, as tests choose what users cannot: the oracle's values while it runs, instructions, variants of shaders.
type Executor interface {
	// Name tells executors apart in test names.
	Name() string
	// Run returns the values of taps, in that order, each row-major in the shape of
	// its node. A tap may be any node but a parameter.
	Run(ctx context.Context, g *graph.Graph, w Weights, inputs [][]float32, taps []graph.ID) ([][]float32, error)
}

// CPU executes on package cpuref.
type CPU struct {
	Options cpuref.Options
}

// Name implements [Executor].
func (CPU) Name() string { return "cpuref" }

// Run implements [Executor].
func (e CPU) Run(ctx context.Context, g *graph.Graph, w Weights, inputs [][]float32, taps []graph.ID) ([][]float32, error) {
	return cpuref.Run(ctx, &graph.Graph{Nodes: g.Nodes, Outputs: taps}, w, e.Options, inputs...)
}

// FastCPU executes on package cpu.
type FastCPU struct {
	Title        string
	Instructions cpu.Instructions
	Options      cpu.Options // Keep is set by Run
}

// Name implements [Executor].
func (e FastCPU) Name() string { return e.Title }

// Run implements [Executor].
func (e FastCPU) Run(ctx context.Context, g *graph.Graph, w Weights, inputs [][]float32, taps []graph.ID) ([][]float32, error) {
	packed, err := cpu.Pack(ctx, g, w, cpu.PackOptions{Instructions: e.Instructions})
	if err != nil {
		return nil, err
	}
	return tapped(g, taps, e.Options.NoFusion, func(keep []graph.ID) ([][]float32, error) {
		o := e.Options
		o.Keep = keep
		p, err := cpu.Compile(g, packed, o)
		if err != nil {
			return nil, err
		}
		defer p.Close()
		return p.Run(ctx, inputs...)
	})
}

// Vulkan executes on package vulkan.
type Vulkan struct {
	Device  *engine.Device
	Title   string
	Upload  vulkan.UploadOptions
	Options vulkan.Options // Keep is set by Run, and nothing is tuned: tiles are the same in every run
}

// Name implements [Executor].
func (v Vulkan) Name() string { return v.Title }

// Run implements [Executor].
func (v Vulkan) Run(ctx context.Context, g *graph.Graph, w Weights, inputs [][]float32, taps []graph.ID) (values [][]float32, err error) {
	weights, err := vulkan.Upload(ctx, v.Device, g, w, v.Upload)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, weights.Close()) }()
	in := make([]vulkan.Input, len(inputs))
	for i, x := range inputs {
		in[i].Host = x
	}
	return tapped(g, taps, v.Options.NoFusion, func(keep []graph.ID) (results [][]float32, err error) {
		o := v.Options
		o.Keep, o.Tuning.Off = keep, true
		p, err := vulkan.Compile(ctx, v.Device, g, weights, o)
		if err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, p.Close()) }()
		for _, id := range slices.Concat(g.Outputs, keep) {
			results = append(results, make([]float32, g.Nodes[id].Shape.Elements()))
		}
		return results, p.RunInto(ctx, results, in...)
	})
}

// tapped makes the values of taps of programs, which return the graph's outputs, then what they are to keep. Outputs come from a
// program that keeps nothing else, so that every joined step is at work, other taps from a second; where nothing is joined, one
// program gives all.
func tapped(g *graph.Graph, taps []graph.ID, apart bool, run func(keep []graph.ID) ([][]float32, error)) ([][]float32, error) {
	var inner []graph.ID
	outer := false
	for _, id := range taps {
		if slices.Contains(g.Outputs, id) {
			outer = true
		} else if !slices.Contains(inner, id) {
			inner = append(inner, id)
		}
	}
	var programs [][]graph.ID
	if outer && !apart {
		programs = append(programs, nil)
	}
	if len(inner) > 0 || apart {
		programs = append(programs, inner)
	}
	found := map[graph.ID][]float32{}
	for _, keep := range programs {
		results, err := run(keep)
		if err != nil {
			return nil, err
		}
		for i, id := range slices.Concat(g.Outputs, keep) {
			if found[id] == nil {
				found[id] = results[i]
			}
		}
	}
	values := make([][]float32, len(taps))
	for i, id := range taps {
		values[i] = found[id]
	}
	return values, nil
}
