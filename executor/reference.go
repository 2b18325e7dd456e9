package executor

import (
	"context"
	"time"

	"github.com/glipvk/glipvk/cpuref"
	"github.com/glipvk/glipvk/graph"
)

// reference executes on the CPU through package cpuref, with all weights in memory.
type reference struct{ weights inMemory }

func newReference(ctx context.Context, g *graph.Graph, src source, progress func(done, total int64)) (*reference, error) {
	weights, err := load(ctx, g, src, progress)
	if err != nil {
		return nil, err
	}
	return &reference{weights}, nil
}

// info describes the device for callers.
func (r *reference) info() DeviceInfo { return DeviceInfo{Name: "CPU reference"} }

func (r *reference) compile(_ context.Context, g *graph.Graph, keep []graph.ID) (program, error) {
	return &interpreted{r.weights, g, keep}, nil
}

// peak times products of 256 x 256 x 256; the oracle's plain loops are as fast there as anywhere.
func (r *reference) peak(ctx context.Context, d time.Duration) (float64, error) {
	const side = 256
	b := graph.NewBuilder()
	x := b.In("input").Input(side, side)
	b.Output(b.In("product").Linear(x, side, graph.NoBias))
	g, err := b.Build()
	if err != nil {
		return 0, err
	}
	p := interpreted{weights: inMemory{"product.weight": make([]float32, side*side)}, graph: g}
	best := 0.0
	input := make([]float32, side*side)
	for start := time.Now(); best == 0 || time.Since(start) < d; {
		begin := time.Now()
		if _, err := p.run(ctx, input); err != nil {
			return 0, err
		}
		best = max(best, 2*side*side*side/time.Since(begin).Seconds()/1e9)
	}
	return best, nil
}

func (r *reference) close() error { return nil }

// interpreted is a graph with the weights to interpret it with.
type interpreted struct {
	weights inMemory
	graph   *graph.Graph
	keep    []graph.ID
}

func (p *interpreted) run(ctx context.Context, inputs ...[]float32) ([][]float32, error) {
	return interpret(ctx, p.graph, p.weights, oracleRun{keep: p.keep}, inputs...)
}

// profile takes an operation's time from one observation to the next.
func (p *interpreted) profile(ctx context.Context, inputs ...[]float32) ([][]float32, []Timing, error) {
	var list []Timing
	last := time.Now()
	observe := func(id graph.ID, n graph.Node) {
		now := time.Now()
		if _, given := n.Op.(graph.Input); !given {
			list = append(list, Timing{
				Path: n.Path, Kernel: "cpuref." + n.Op.Kind(), Duration: now.Sub(last),
				FLOPs: 2 * p.graph.MultiplyAdds(id), Bytes: traffic(p.graph, n),
			})
		}
		last = time.Now()
	}
	values, err := interpret(ctx, p.graph, p.weights, oracleRun{keep: p.keep, observe: observe}, inputs...)
	return values, list, err
}

func (p *interpreted) stats() Stats {
	s := Stats{FLOPs: 2 * p.graph.Count().MultiplyAdds}
	for _, n := range p.graph.Nodes {
		switch n.Op.(type) {
		case graph.Param, graph.Input:
		default:
			s.Dispatches++
			s.BytesMoved += traffic(p.graph, n)
		}
	}
	return s
}

func (p *interpreted) close() error { return nil }

// traffic is the size of an operation's operands and result in bytes.
func traffic(g *graph.Graph, n graph.Node) int64 {
	elements := n.Shape.Elements()
	for _, id := range n.Inputs {
		elements += g.Nodes[id].Shape.Elements()
	}
	return 4 * int64(elements)
}

// oracleRun says what a run of the reference keeps and whom it tells.
type oracleRun struct {
	keep     []graph.ID
	observe  func(graph.ID, graph.Node) // called after each node, if set
	progress func(done, total int64)
}

// interpret runs the reference and returns the outputs, then the kept values.
func interpret(ctx context.Context, g *graph.Graph, w source, o oracleRun, inputs ...[]float32) ([][]float32, error) {
	kept := map[graph.ID][]float32{}
	for _, id := range o.keep {
		kept[id] = nil
	}
	options := cpuref.Options{Progress: o.progress}
	if len(kept) > 0 || o.observe != nil {
		options.Observe = func(id graph.ID, n graph.Node, data []float32) {
			if _, wanted := kept[id]; wanted {
				kept[id] = data
			}
			if o.observe != nil {
				o.observe(id, n)
			}
		}
	}
	values, err := cpuref.Run(ctx, g, w, options, inputs...)
	if err != nil {
		return nil, err
	}
	for _, id := range o.keep {
		values = append(values, kept[id])
	}
	return values, nil
}
