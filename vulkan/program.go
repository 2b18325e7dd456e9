package vulkan

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/glipvk/glipvk/engine"
	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/kernels"
)

// Program is a graph compiled for one device and one input size. It is safe for use
// from several goroutines: two of them overlap what the host does for the one with what the
// device does for the other, more take turns.
type Program struct {
	planned
	inputs []graph.ID
	own    *Weights // what the graph reads in another way than the others

	pipeline []*engine.Pipeline // of each dispatch
	arena    []*engine.Buffer   // slabs
	mapped   bool               // the host sees the arena

	first, second *lane
	free          chan *lane    // recorded
	spare         chan *lane    // the second, until it is needed
	turn          chan struct{} // a token: held while a run is handed to the device, as a whole, and all through a direct one
	closing       chan struct{}

	mu     sync.Mutex // guards what follows, and the making of what lanes have
	users  int        // callers that have a lane
	closed bool
}

// ErrClosed is returned by calls on a closed program or value, and by Compile with closed weights.
var ErrClosed = errors.New("already closed")

// Input is one input of a program: exactly one of both is set.
type Input struct {
	Host  []float32 // row-major, of the recorded shape
	Value *Value    // of so many elements, on the same device
}

func newProgram(p *Plan) *Program {
	x := &Program{planned: p.planned, inputs: p.graph.Inputs(), own: &Weights{}, first: &lane{}, second: &lane{},
		free: make(chan *lane, 2), spare: make(chan *lane, 1), turn: make(chan struct{}, 1), closing: make(chan struct{})}
	x.free <- x.first
	x.spare <- x.second
	x.turn <- struct{}{}
	return x
}

// Run computes the outputs, then the kept values, for inputs in recording order. The results
// stay on the device, each in memory of its own; the caller closes them. On cancellation it
// returns the context's error at once; the device finishes by itself.
func (p *Program) Run(ctx context.Context, in ...Input) ([]*Value, error) {
	values := make([]*Value, 0, len(p.results))
	err := p.run(ctx, in, target{values: &values})
	if err != nil {
		for _, v := range values {
			err = errors.Join(err, v.Close())
		}
		return nil, err
	}
	return values, nil
}

// RunOver is Run with results in place of what values hold, which may be inputs too: these are read before.
func (p *Program) RunOver(ctx context.Context, values []*Value, in ...Input) error {
	return p.over(ctx, target{values: &values}, in)
}

// RunOverProfiled is RunOver with timestamps around every dispatch.
func (p *Program) RunOverProfiled(ctx context.Context, values []*Value, in ...Input) ([]graph.Timing, error) {
	var times []time.Duration
	if err := p.over(ctx, target{values: &values, times: &times}, in); err != nil {
		return nil, err
	}
	return p.timings(times), nil
}

// over is RunOver to a target with values.
func (p *Program) over(ctx context.Context, to target, in []Input) error {
	values := *to.values
	if len(values) != len(p.results) {
		return fmt.Errorf("vulkan: %w: %d values given for results, the program has %d", graph.ErrShape, len(values), len(p.results))
	}
	for i, id := range p.results {
		switch n := &p.graph.Nodes[id]; {
		case values[i] == nil || values[i].device != p.device:
			return fmt.Errorf("vulkan: the value for %s is not one of the device", n.Path)
		case int(values[i].Bytes()/4) != n.Shape.Elements():
			return p.missized(n, int(values[i].Bytes()/4))
		case !values[i].hold():
			return fmt.Errorf("vulkan: the value for %s: %w", n.Path, ErrClosed)
		}
		defer func() { _ = values[i].Close() }() // who has it closes it
	}
	return p.run(ctx, in, to)
}

// RunInto is Run with results into memory of the caller's. Once as many callers as there are at
// a time have run, it allocates nothing for inputs of the host, nor makes a Vulkan object.
func (p *Program) RunInto(ctx context.Context, outputs [][]float32, in ...Input) error {
	if err := p.checkOutputs(outputs); err != nil {
		return err
	}
	return p.run(ctx, in, target{host: outputs})
}

// RunProfiled is a run with timestamps around every dispatch.
func (p *Program) RunProfiled(ctx context.Context, in ...Input) ([][]float32, []graph.Timing, error) {
	outputs := make([][]float32, len(p.results))
	for i, id := range p.results {
		outputs[i] = make([]float32, p.graph.Nodes[id].Shape.Elements())
	}
	var times []time.Duration
	if err := p.run(ctx, in, target{host: outputs, times: &times}); err != nil {
		return nil, nil, err
	}
	return outputs, p.timings(times), nil
}

// timings are those of the dispatches.
func (p *Program) timings(times []time.Duration) []graph.Timing {
	list := make([]graph.Timing, len(times))
	for i, x := range p.plan.Dispatches {
		list[i] = graph.Timing{Path: x.Path, Kernel: x.Pipeline.Label, Duration: times[i], FLOPs: x.FLOPs, Bytes: x.Bytes}
	}
	return list
}

// checkInputs compares what is given with the graph.
func (p *Program) checkInputs(in []Input) error {
	if len(in) != len(p.inputs) {
		return fmt.Errorf("vulkan: %w: %d inputs given, the program has %d", graph.ErrShape, len(in), len(p.inputs))
	}
	for i, id := range p.inputs {
		n, elements := &p.graph.Nodes[id], len(in[i].Host)
		if v := in[i].Value; v != nil {
			if in[i].Host != nil {
				return fmt.Errorf("vulkan: %s is given both by the host and as a value", n.Path)
			}
			if v.device != p.device {
				return fmt.Errorf("vulkan: %s is a value of another device", n.Path)
			}
			elements = int(v.Bytes() / 4)
		}
		if elements != n.Shape.Elements() {
			return p.missized(n, elements)
		}
	}
	return nil
}

// checkOutputs compares the sizes of the caller's slices with the graph.
func (p *Program) checkOutputs(outputs [][]float32) error {
	if len(outputs) != len(p.results) {
		return fmt.Errorf("vulkan: %w: room for %d results given, the program has %d", graph.ErrShape, len(outputs), len(p.results))
	}
	for i, id := range p.results {
		if n := &p.graph.Nodes[id]; len(outputs[i]) != n.Shape.Elements() {
			return p.missized(n, len(outputs[i]))
		}
	}
	return nil
}

func (p *Program) missized(n *graph.Node, elements int) error {
	return fmt.Errorf("vulkan: %w: %s has %d elements, want %v", graph.ErrShape, n.Path, elements, n.Shape)
}

// Stats counts what the program is made of.
func (p *Program) Stats() graph.Stats {
	s := graph.Stats{Dispatches: len(p.plan.Dispatches), ArenaBytes: p.plan.Arena, LiveBytes: p.plan.Live, WeightBytes: p.weights.Bytes() + p.own.Bytes()}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, l := range []*lane{p.first, p.second} {
		for _, b := range []*engine.Buffer{l.up, l.down} {
			if b != nil {
				s.StagingBytes += b.Size()
			}
		}
	}
	s.Submissions = len(p.first.body)
	for _, c := range p.first.body {
		s.Barriers += c.Barriers()
	}
	for _, x := range p.plan.Dispatches {
		s.FLOPs += x.FLOPs
		s.BytesMoved += x.Bytes
	}
	return s
}

// Close waits for runs and for the device, and frees everything but the values and the weights that it was given. Who
// waits for a way through the program gets [ErrClosed]. Calling it again does nothing.
func (p *Program) Close() error {
	p.mu.Lock()
	again := p.closed
	p.closed = true
	p.mu.Unlock()
	if again {
		return nil
	}
	close(p.closing)
	var errs []error
	for range 2 {
		select {
		case l := <-p.free:
			errs = append(errs, l.close())
		case l := <-p.spare:
			errs = append(errs, l.close())
		}
	}
	for _, b := range p.arena {
		errs = append(errs, b.Close())
	}
	errs = append(errs, p.own.Close())
	return errors.Join(errs...)
}

// Plan is what the program runs.
func (p *Program) Plan() *kernels.Plan { return p.plan }
