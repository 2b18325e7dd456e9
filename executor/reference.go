package executor

import (
	"context"
	"slices"
	"time"

	"github.com/glipvk/glipvk/cpuref"
	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/internal/clock"
)

// reference executes on the CPU through package cpuref, with all weights in memory.
type reference struct {
	onHost
	weights inMemory
}

func newReference(ctx context.Context, g *graph.Graph, src Source, progress func(done, total int64)) (backend, error) {
	if err := affordWeights(g); err != nil {
		return nil, err
	}
	weights, err := load(ctx, g, src, progress)
	if err != nil {
		return nil, err
	}
	return &reference{weights: weights}, nil
}

func (r *reference) info() DeviceInfo { return DeviceInfo{Name: "CPU reference"} }

func (r *reference) plan(_ context.Context, g *graph.Graph, keep []graph.ID) (plan, error) {
	return plan{live(g, keep), func(context.Context) (program, error) { return &interpreted{r.weights, g, keep}, nil }}, nil
}

// live is how many bytes of values there are at once at most, when a graph is interpreted.
func live(g *graph.Graph, keep []graph.ID) (most int64) {
	last := make([]int, len(g.Nodes))
	for i, n := range g.Nodes {
		for _, id := range n.Inputs {
			last[id] = i
		}
	}
	for _, id := range slices.Concat(g.Outputs, keep) {
		last[id] = len(g.Nodes)
	}
	now := int64(0)
	for i, n := range g.Nodes {
		if _, weight := n.Op.(graph.Param); weight {
			continue
		}
		now += 4 * int64(n.Shape.Elements())
		most = max(most, now)
		for _, id := range slices.Compact(slices.Sorted(slices.Values(n.Inputs))) {
			if _, weight := g.Nodes[id].Op.(graph.Param); !weight && last[id] == i {
				now -= 4 * int64(g.Nodes[id].Shape.Elements())
			}
		}
	}
	return most
}

// large is a small one; the oracle's plain loops are as fast there as anywhere.
func (r *reference) large() [][3]int { return [][3]int{{256, 256, 256}} }

func (r *reference) product(ctx context.Context, mnk [3]int, budget time.Duration) (float64, error) {
	x, err := newProduct(mnk)
	if err != nil {
		return 0, err
	}
	p, input := interpreted{weights: x.weights, graph: x.graph}, []Value{Host(x.input)}
	return fastest(budget, x.work, func() error {
		_, err := p.run(ctx, input)
		return err
	})
}

// interpreted is a graph with the weights to interpret it with.
type interpreted struct {
	weights inMemory
	graph   *graph.Graph
	keep    []graph.ID
}

func (p *interpreted) run(ctx context.Context, in []Value) ([]Value, error) {
	out, err := interpret(ctx, p.graph, p.weights, p.keep, cpuref.Options{}, hosts(in)...)
	return Hosts(out), err
}

func (p *interpreted) runOver(ctx context.Context, out, in []Value) error {
	return p.runInto(ctx, hosts(out), in)
}

func (p *interpreted) runInto(ctx context.Context, out [][]float32, in []Value) error {
	got, err := interpret(ctx, p.graph, p.weights, p.keep, cpuref.Options{}, hosts(in)...)
	for i := range got {
		copy(out[i], got[i])
	}
	return err
}

func (p *interpreted) profileOver(ctx context.Context, out, in []Value) ([]Timing, error) {
	got, list, err := p.profile(ctx, in)
	for i := range got {
		copy(out[i].host, got[i].host)
	}
	return list, err
}

// profile takes an operation's time from one observation to the next.
func (p *interpreted) profile(ctx context.Context, in []Value) ([]Value, []Timing, error) {
	var list []Timing
	last := clock.Now()
	observe := func(id graph.ID, n graph.Node, _ []float32) {
		now := clock.Now()
		if _, given := n.Op.(graph.Input); !given {
			list = append(list, Timing{
				Path: n.Path, Kernel: "cpuref." + graph.Kind(n.Op), Duration: now.Sub(last),
				FLOPs: 2 * p.graph.MultiplyAdds(id), Bytes: traffic(p.graph, n),
			})
		}
		last = clock.Now()
	}
	out, err := interpret(ctx, p.graph, p.weights, p.keep, cpuref.Options{Observe: observe}, hosts(in)...)
	return Hosts(out), list, err
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

// interpret runs the reference and returns the outputs, then the kept values.
func interpret(ctx context.Context, g *graph.Graph, w Source, keep []graph.ID, o cpuref.Options, inputs ...[]float32) ([][]float32, error) {
	return cpuref.Run(ctx, &graph.Graph{Nodes: g.Nodes, Outputs: slices.Concat(g.Outputs, keep)}, w, o, inputs...)
}
