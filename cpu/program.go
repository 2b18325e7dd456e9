package cpu

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/internal/clock"
	"github.com/glipvk/glipvk/internal/turn"
)

// ErrClosed is wrapped by runs of a program that was closed before or meanwhile. Remedy:
// compile another.
var ErrClosed = errors.New("the program is closed")

// step is a piece of a program: values computed from others, in tasks that write
// apart from each other.
type step struct {
	path  string // of the node that it is for
	name  string // what it does, as in a profile
	in    []graph.ID
	outs  []graph.ID // nil for the node's own value, until it is compiled
	flops int64
	tasks int
	rooms rooms // that a task uses
	run   func(w *worker, values [][]float32, task int)

	before []step // that leave something for this one in memory of their own, for the compiler
}

// Program is a graph compiled for one input size. Calls may come from several
// goroutines and take turns: each uses all workers. The first run takes the memory that
// [Program.Bytes] tells, [Program.Close] gives it back.
type Program struct {
	graph   *graph.Graph
	weights *Weights
	results []graph.ID // outputs, then kept values
	views   views
	sizes   []int // of values in floats: those of nodes, then what steps leave to each other
	layout  layout
	crew    *crew

	turn   *turn.Lock  // whose holder uses what follows, and the crew
	fixed  [][]float32 // values in the arena and plain weights, nil before the first run
	values [][]float32 // and those of a run
}

// Run computes the outputs, then the kept values, for inputs in recording order, each
// row-major of the recorded shape. The error names the input that does not fit and wraps
// [graph.ErrShape], or wraps the context's error, which is noticed while another run is waited
// for and within a task, or [ErrClosed]. A panic in a task is an error that names the step; the
// program stays usable.
func (p *Program) Run(ctx context.Context, inputs ...[]float32) ([][]float32, error) {
	results := p.room()
	if err := p.RunInto(ctx, results, inputs...); err != nil {
		return nil, err
	}
	return results, nil
}

// room is memory for the results.
func (p *Program) room() [][]float32 {
	results := make([][]float32, len(p.results))
	for i, id := range p.results {
		results[i] = aligned(p.graph.Nodes[id].Shape.Elements())
	}
	return results
}

// RunInto is Run into memory of the caller's. It may be an input's where no element of any result depends on another
// element of that input, and must not overlap inputs else. After an error its content is undefined.
func (p *Program) RunInto(ctx context.Context, results [][]float32, inputs ...[]float32) error {
	_, err := p.run(ctx, results, inputs, nil)
	return err
}

// RunProfiled is Run with the time of every step.
func (p *Program) RunProfiled(ctx context.Context, inputs ...[]float32) ([][]float32, []graph.Timing, error) {
	results := p.room()
	list, err := p.RunIntoProfiled(ctx, results, inputs...)
	if err != nil {
		return nil, nil, err
	}
	return results, list, nil
}

// RunIntoProfiled is RunInto with the time of every step.
func (p *Program) RunIntoProfiled(ctx context.Context, results [][]float32, inputs ...[]float32) ([]graph.Timing, error) {
	ends := make([]clock.Moment, len(p.crew.steps))
	began, err := p.run(ctx, results, inputs, ends)
	if err != nil {
		return nil, err
	}
	list := make([]graph.Timing, len(ends))
	for i, s := range p.crew.steps {
		list[i] = graph.Timing{
			Path: s.path, Kernel: "cpu." + s.name + "." + string(p.weights.kernels.name),
			Duration: ends[i].Sub(began), FLOPs: s.flops, Bytes: p.moved(s),
		}
		began = ends[i]
	}
	return list, nil
}

// run computes everything once and returns when it began. ends, unless it is empty, receives
// the time at which each step ended.
func (p *Program) run(ctx context.Context, results, inputs [][]float32, ends []clock.Moment) (began clock.Moment, err error) {
	if err := cmp.Or(p.check("input", inputs, p.graph.Inputs()), p.check("room for results", results, p.results)); err != nil {
		return began, err
	}
	if err := p.turn.Acquire(ctx); err != nil {
		return began, fmt.Errorf("cpu: waiting for another run: %w", err)
	}
	defer p.turn.Release()
	if p.crew.closed.Load() {
		return began, fmt.Errorf("cpu: %w", ErrClosed)
	}
	if p.fixed == nil {
		p.fixed = p.places()
		p.values = slices.Clone(p.fixed)
		p.crew.equip()
	}
	defer func() { copy(p.values, p.fixed) }() // lets go of the caller's memory
	for i, id := range p.graph.Inputs() {
		p.values[id] = inputs[i]
	}
	for i, id := range p.results {
		if _, isView := p.views[id]; !isView && p.values[id] == nil {
			p.values[id] = results[i]
		}
	}
	for id := range p.views {
		root, at := p.views.root(id)
		size := p.graph.Nodes[id].Shape.Elements()
		p.values[id] = p.values[root][at:][:size:size]
	}
	began = clock.Now()
	if err := p.crew.run(ctx, p.values, ends); err != nil {
		return began, fmt.Errorf("cpu: %w", err)
	}
	for i, id := range p.results {
		// A value that is asked for twice was written once; inputs and weights are never written.
		if v := p.values[id]; &v[0] != &results[i][0] {
			copy(results[i], v)
		}
	}
	return began, nil
}

// places takes the arena and gives every value in it, and every plain weight, its place.
func (p *Program) places() [][]float32 {
	values := make([][]float32, len(p.sizes))
	arena := aligned(p.layout.size)
	for id, at := range p.layout.offset {
		size := p.sizes[id]
		values[id] = arena[at:][:size:size]
	}
	for _, id := range p.graph.Params() {
		values[id] = p.weights.data[packedKey{p.graph.Nodes[id].Path, asPlain}]
	}
	return values
}

// Close ends runs with [ErrClosed], those that wait too, and gives the program's memory back. It
// returns within a task of a run.
func (p *Program) Close() {
	p.crew.closed.Store(true)
	if p.turn.Acquire(context.Background()) == nil {
		p.fixed, p.values = nil, nil
		p.crew.dismiss()
		p.turn.Release()
	}
}

// check compares the sizes of the caller's slices with the values that they are for.
func (p *Program) check(what string, given [][]float32, ids []graph.ID) error {
	if len(given) != len(ids) {
		return fmt.Errorf("cpu: %w: %d slices given as %s, want %d", graph.ErrShape, len(given), what, len(ids))
	}
	for i, id := range ids {
		if n := p.graph.Nodes[id]; len(given[i]) != n.Shape.Elements() {
			return fmt.Errorf("cpu: %s: %s: %w: %d elements given as %s, want %d for %v",
				n.Path, graph.Kind(n.Op), graph.ErrShape, len(given[i]), what, n.Shape.Elements(), n.Shape)
		}
	}
	return nil
}

// moved is the size of a step's operands and result in bytes.
func (p *Program) moved(s step) int64 {
	n := 0
	for _, list := range [][]graph.ID{s.in, s.outs} {
		for _, id := range list {
			n += p.sizes[id]
		}
	}
	return 4 * int64(n)
}

// Bytes is what a run takes at most besides inputs and results: the arena and the workers' own memory.
func (p *Program) Bytes() int64 {
	return 4*int64(p.layout.size) + p.crew.bytes()
}

// Stats counts what the program is made of.
func (p *Program) Stats() graph.Stats {
	s := graph.Stats{
		Dispatches: len(p.crew.steps), ArenaBytes: 4 * int64(p.layout.size), LiveBytes: 4 * int64(p.layout.live),
		WeightBytes: p.weights.Bytes(), ScratchBytes: p.crew.bytes(),
	}
	for _, step := range p.crew.steps {
		s.FLOPs += step.flops
		s.BytesMoved += p.moved(step)
	}
	return s
}
