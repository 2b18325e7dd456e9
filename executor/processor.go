package executor

import (
	"context"
	"fmt"
	"time"

	"github.com/glipvk/glipvk/cpu"
	"github.com/glipvk/glipvk/graph"
)

// processor executes on the CPU through package cpu.
type processor struct {
	onHost
	weights *cpu.Weights
	source  Source // for graphs that read a weight in another way
}

// newProcessor packs the weights of g.
func newProcessor(ctx context.Context, g *graph.Graph, src Source, progress func(done, total int64)) (backend, error) {
	if err := affordWeights(g); err != nil {
		return nil, err
	}
	w, err := cpu.Pack(ctx, g, src, cpu.PackOptions{Progress: progress})
	if err != nil {
		return nil, err
	}
	return &processor{weights: w, source: src}, nil
}

func (p *processor) info() DeviceInfo {
	return DeviceInfo{Name: fmt.Sprintf("CPU (%s)", p.weights.Instructions())}
}

func (p *processor) plan(ctx context.Context, g *graph.Graph, keep []graph.ID) (plan, error) {
	w, err := p.weights.For(ctx, g, p.source)
	if err != nil {
		return plan{}, err
	}
	c, err := cpu.Compile(g, w, cpu.Options{Keep: keep})
	if err != nil {
		return plan{}, err
	}
	return plan{c.Bytes() + w.Bytes() - p.weights.Bytes(), func(context.Context) (program, error) { return processed{c}, nil }}, nil
}

// large are squares, and products that take most of Swin's time.
func (p *processor) large() [][3]int {
	return [][3]int{{768, 768, 768}, {1024, 1024, 1024}, {3136, 96, 384}, {784, 192, 768}, {196, 1536, 384}}
}

func (p *processor) product(ctx context.Context, mnk [3]int, budget time.Duration) (float64, error) {
	x, err := newProduct(mnk)
	if err != nil {
		return 0, err
	}
	w, err := cpu.Pack(ctx, x.graph, x.weights, cpu.PackOptions{Instructions: p.weights.Instructions()})
	if err != nil {
		return 0, err
	}
	c, err := cpu.Compile(x.graph, w, cpu.Options{})
	if err != nil {
		return 0, err
	}
	defer c.Close()
	out := [][]float32{make([]float32, mnk[0]*mnk[1])}
	return fastest(budget, x.work, func() error { return c.RunInto(ctx, out, x.input) })
}

// processed is a program of package cpu.
type processed struct{ p *cpu.Program }

func (c processed) run(ctx context.Context, in []Value) ([]Value, error) {
	out, err := c.p.Run(ctx, hosts(in)...)
	return Hosts(out), err
}

func (c processed) runOver(ctx context.Context, out, in []Value) error {
	return c.p.RunInto(ctx, hosts(out), hosts(in)...)
}

func (c processed) profileOver(ctx context.Context, out, in []Value) ([]Timing, error) {
	return c.p.RunIntoProfiled(ctx, hosts(out), hosts(in)...)
}

func (c processed) runInto(ctx context.Context, out [][]float32, in []Value) error {
	return c.p.RunInto(ctx, out, hosts(in)...)
}

func (c processed) profile(ctx context.Context, in []Value) ([]Value, []Timing, error) {
	out, list, err := c.p.RunProfiled(ctx, hosts(in)...)
	return Hosts(out), list, err
}

func (c processed) stats() Stats { return c.p.Stats() }

func (c processed) close() error {
	c.p.Close()
	return nil
}
