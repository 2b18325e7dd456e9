package executor

import (
	"context"
	"fmt"
	"time"

	"github.com/glipvk/glipvk/cpu"
	"github.com/glipvk/glipvk/graph"
)

// processor executes on the CPU through package cpu.
type processor struct{ weights *cpu.Weights }

// newProcessor packs the weights of g.
func newProcessor(ctx context.Context, g *graph.Graph, src source, progress func(done, total int64)) (*processor, error) {
	w, err := cpu.Pack(ctx, g, src, cpu.PackOptions{Progress: progress})
	if err != nil {
		return nil, err
	}
	return &processor{w}, nil
}

// info describes the device for callers.
func (p *processor) info() DeviceInfo {
	return DeviceInfo{Name: fmt.Sprintf("CPU (%s)", p.weights.Instructions())}
}

func (p *processor) compile(_ context.Context, g *graph.Graph, keep []graph.ID) (program, error) {
	c, err := cpu.Compile(g, p.weights, cpu.Options{Keep: keep})
	if err != nil {
		return nil, err
	}
	return compiled{c}, nil
}

func (p *processor) peak(ctx context.Context, d time.Duration) (float64, error) {
	return cpu.Peak(ctx, cpu.PackOptions{Instructions: p.weights.Instructions()}, d)
}

// product implements multiplier.
func (p *processor) product(ctx context.Context, mnk [3]int, d time.Duration) (float64, error) {
	return cpu.ProductSpeed(ctx, cpu.PackOptions{Instructions: p.weights.Instructions()}, mnk, d)
}

func (p *processor) close() error { return nil }

// compiled is a program of package cpu.
type compiled struct{ p *cpu.Program }

func (c compiled) run(ctx context.Context, inputs ...[]float32) ([][]float32, error) {
	return c.p.Run(ctx, inputs...)
}

// runInto implements filler.
func (c compiled) runInto(ctx context.Context, outputs [][]float32, input []float32) error {
	return c.p.RunInto(ctx, outputs, input)
}

func (c compiled) profile(ctx context.Context, inputs ...[]float32) ([][]float32, []Timing, error) {
	values, timings, err := c.p.RunProfiled(ctx, inputs...)
	list := make([]Timing, len(timings))
	for i, t := range timings {
		list[i] = Timing(t)
	}
	return values, list, err
}

func (c compiled) stats() Stats {
	s := c.p.Stats()
	return Stats{
		Dispatches: s.Steps, ArenaBytes: s.ArenaBytes, LiveBytes: s.LiveBytes, WeightBytes: s.WeightBytes,
		FLOPs: s.FLOPs, BytesMoved: s.BytesMoved,
	}
}

func (c compiled) close() error { return nil }
