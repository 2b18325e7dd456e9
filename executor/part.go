package executor

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/glipvk/glipvk/cpuref"
	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/internal/memory"
)

// Recording says how a model writes a part of it down, for sizes K.
type Recording[K comparable] struct {
	Name   string
	Record func(K) (*graph.Graph, error)

	// Programs is how many are kept for the part alone; 0 keeps its programs among the others of the executor.
	Programs int

	// Rewrite, if set, makes of the graph the one that is executed; [Part.Oracle] runs it as it
	// was. Values to keep stay, and moved tells under which numbers.
	Rewrite func(g *graph.Graph, keep []graph.ID) (rewritten *graph.Graph, moved func(graph.ID) (graph.ID, bool), err error)
}

// Part is a graph that a model runs: a backbone has one, a detector three. Its programs are
// made when a size is first asked for, and kept in the room that the executor has for them.
type Part[K comparable] struct {
	e *Executor
	Recording[K]
	match    Match // nil: nothing is kept
	room     *room // its own, where something is kept
	programs *Shelf[K, *compiled]
}

// Match chooses values of a graph that are to be kept.
type Match func(*graph.Graph) ([]graph.ID, error)

// Output is what a part gives.
type Output struct {
	Path   string // in the graph
	Shape  []int
	Shared bool // it does not depend on the inputs
	Kept   bool // it is no output of the graph
}

// compiled is a program with what it gives.
type compiled struct {
	program
	outputs []Output
	at      *place // it was made for
}

// NewPart readies a part; it makes nothing yet.
func NewPart[K comparable](e *Executor, r Recording[K]) *Part[K] {
	p := &Part[K]{e: e, Recording: r}
	room := e.programs
	if r.Programs > 0 {
		room = e.room(r.Programs)
	}
	p.programs = newShelf(room, p.compile, discard)
	return p
}

// Keeping is the part with programs of its own, which also return values inside. The caller
// closes it, before or after the executor.
func (p *Part[K]) Keeping(match Match) *Part[K] {
	q := &Part[K]{e: p.e, Recording: p.Recording, match: match, room: p.e.room(2)}
	q.programs = newShelf(q.room, q.compile, discard)
	return q
}

// Close gives back the programs of a part that [Part.Keeping] made, and does nothing to others.
// Once ctx has ended it waits for nobody; what is still at work is given back when that ends.
func (p *Part[K]) Close(ctx context.Context) error {
	if p.room == nil {
		return nil
	}
	return p.e.vacate(ctx, p.room)
}

func discard(c *compiled) error { return c.close() }

// compile makes the program for a size.
func (p *Part[K]) compile(ctx context.Context, size K, admit admission) (c *compiled, err error) {
	call, at, err := p.e.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = call.leave(err) }()
	plan, outputs, err := p.plan(call.ctx, at, size)
	if err != nil {
		return nil, err
	}
	if err := admit(call.ctx, plan.bytes); err != nil {
		return nil, err
	}
	if err := p.afford(plan.bytes); err != nil {
		return nil, err
	}
	p.e.made.Add(1)
	ready, err := plan.compile(call.ctx)
	return &compiled{ready, outputs, at}, err
}

// afford is an error that wraps [memory.ErrShort] if a program that works in so many bytes of the host's memory cannot have them. Programs that nobody
// uses are given up for it.
func (p *Part[K]) afford(bytes int64) error {
	if !p.e.Hosted() {
		return nil
	}
	what := "what a run of this size works in"
	err := memory.Want(bytes, what)
	if err == nil {
		return nil
	}
	p.programs.room.empty()
	var short *memory.Short
	if err = memory.Want(bytes, what); errors.As(err, &short) {
		return shortage{fmt.Errorf("glipvk: %s: %w; give it more, or smaller pictures (Options.Size): some %.0f %% of the pixels would fit", p.Name, err, 100*short.Share())}
	}
	return nil
}

// Hosted says whether the device works in the host's memory: the CPU, and software drivers.
func (e *Executor) Hosted() bool {
	d := e.Device()
	return d.Vulkan == nil || d.Vulkan.Kind == "cpu"
}

// plan readies the program for a size but for its memory, and describes what it gives.
func (p *Part[K]) plan(ctx context.Context, at *place, size K) (made plan, outputs []Output, err error) {
	g, err := p.Record(size)
	if err != nil {
		return made, nil, Blame(err)
	}
	keep, outputs, err := described(g, p.match)
	if err != nil {
		return made, nil, err
	}
	if p.Rewrite != nil {
		var moved func(graph.ID) (graph.ID, bool)
		if g, moved, err = p.Rewrite(g, keep); err != nil {
			return made, nil, err
		}
		keep = slices.Clone(keep)
		for i, id := range keep {
			keep[i], _ = moved(id) // what is to be kept is not rewritten
		}
	}
	made, err = at.backend.plan(ctx, g, keep)
	return made, outputs, err
}

// Bytes is what a program for a size works in, apart from weights, inputs and results. It is not made for that.
func (p *Part[K]) Bytes(ctx context.Context, size K) (bytes int64, err error) {
	c, at, err := p.e.enter(ctx)
	if err != nil {
		return 0, err
	}
	defer func() { err = c.leave(err) }()
	made, _, err := p.plan(c.ctx, at, size)
	return made.bytes, err
}

// described chooses what is kept of a graph, and describes what a run gives: outputs, then that.
func described(g *graph.Graph, match Match) (keep []graph.ID, list []Output, err error) {
	if match != nil {
		if keep, err = match(g); err != nil {
			return nil, nil, Blame(err)
		}
	}
	fed := fromInput(g)
	for i, id := range slices.Concat(g.Outputs, keep) {
		n := g.Nodes[id]
		list = append(list, Output{Path: n.Path, Shape: n.Shape, Shared: !fed[id], Kept: i >= len(g.Outputs)})
	}
	return keep, list, nil
}

// fromInput tells for each node whether it depends on the graph's inputs.
func fromInput(g *graph.Graph) []bool {
	fed := make([]bool, len(g.Nodes))
	for i, n := range g.Nodes {
		_, fed[i] = n.Op.(graph.Input)
		for _, id := range n.Inputs {
			fed[i] = fed[i] || fed[id]
		}
	}
	return fed
}

// with runs f with the program for a size, and again where the device was lost and there is another. It refuses values of a device that
// the executor has left.
func (p *Part[K]) with(ctx context.Context, size K, f func(ctx context.Context, c *compiled) error, values ...[]Value) error {
	_, err := Again(ctx, p.e, func() (struct{}, error) { return struct{}{}, p.within(ctx, size, f, values) })
	return err
}

// within is one attempt.
func (p *Part[K]) within(ctx context.Context, size K, f func(ctx context.Context, c *compiled) error, values [][]Value) (err error) {
	c, at, err := p.e.enter(ctx)
	if err != nil {
		return err
	}
	defer func() { err = c.leave(err) }()
	it, err := p.programs.acquire(c.ctx, size)
	if err != nil {
		return err
	}
	defer p.release(c.ctx, it)
	if it.Value.at != at {
		return errLeft() // and the call is of the place before, or the program
	}
	for _, list := range values {
		if err := at.here(list); err != nil {
			return err
		}
	}
	return f(c.ctx, it.Value)
}

// release gives a program back. If that is the end of it, what the device still does with it
// must end first: one whose context has ended does not wait for that.
func (p *Part[K]) release(ctx context.Context, it *Item[*compiled]) {
	if ctx.Err() == nil {
		p.programs.Release(it)
		return
	}
	p.programs.room.working.Go(func() { p.programs.Release(it) })
}

// Run computes the part. Inputs are in the order of the recording; results, the outputs and
// then what is kept, stay where the executor has its memory. Errors wrap [ErrInput],
// [ErrClosed], the context's error, or are those of package engine.
func (p *Part[K]) Run(ctx context.Context, size K, in ...Value) (out []Value, err error) {
	err = p.with(ctx, size, func(ctx context.Context, c *compiled) error {
		out, err = c.run(ctx, in)
		return err
	}, in)
	return out, err
}

// RunOver is Run with results in place of what values hold that [Executor.Place] or earlier runs gave, of the results'
// sizes: steps that are repeated take no new memory. An input may be among them if no element of a result
// depends on another element of it, as in updates of weights. After an error they hold anything.
func (p *Part[K]) RunOver(ctx context.Context, size K, over []Value, in ...Value) error {
	return p.with(ctx, size, func(ctx context.Context, c *compiled) error {
		if err := c.over(over); err != nil {
			return err
		}
		return c.runOver(ctx, over, in)
	}, over, in)
}

// ProfileOver is RunOver with a clock on every dispatch.
func (p *Part[K]) ProfileOver(ctx context.Context, size K, over []Value, in ...Value) (list []Timing, err error) {
	err = p.with(ctx, size, func(ctx context.Context, c *compiled) error {
		if err := c.over(over); err != nil {
			return err
		}
		list, err = c.profileOver(ctx, over, in)
		return err
	}, over, in)
	for i := range list {
		list[i].Part = p.Name
	}
	return list, err
}

// over refuses values of other sizes than the results.
func (c *compiled) over(values []Value) error {
	if len(values) != len(c.outputs) {
		return Blame(fmt.Errorf("glipvk: %d values for results, there are %d", len(values), len(c.outputs)))
	}
	for i, o := range c.outputs {
		if n := int64(graph.Shape(o.Shape).Elements()); values[i].Bytes() != 4*n {
			return Blame(fmt.Errorf("glipvk: a value of %d bytes for %s, want %d for %v", values[i].Bytes(), o.Path, 4*n, o.Shape))
		}
	}
	return nil
}

// Host is Run with results in memory of the host, and their descriptions.
func (p *Part[K]) Host(ctx context.Context, size K, in ...Value) (out [][]float32, list []Output, err error) {
	err = p.with(ctx, size, func(ctx context.Context, c *compiled) error {
		out, list = make([][]float32, len(c.outputs)), c.outputs
		for i, o := range c.outputs {
			if err := ctx.Err(); err != nil { // memory that is asked for first takes time
				return err
			}
			out[i] = make([]float32, graph.Shape(o.Shape).Elements())
		}
		return c.runInto(ctx, out, in)
	}, in)
	return out, list, err
}

// RunInto is Run into memory of the host, of the sizes that [Part.Outputs] tells. After an
// error it holds anything. With a context that cannot end, a Vulkan device and inputs of the
// host a call allocates nothing once the program is made.
func (p *Part[K]) RunInto(ctx context.Context, size K, out [][]float32, in []Value) error {
	return p.with(ctx, size, func(ctx context.Context, c *compiled) error {
		if err := c.fits(out); err != nil {
			return err
		}
		return c.runInto(ctx, out, in)
	}, in)
}

// fits refuses memory made for another size.
func (c *compiled) fits(out [][]float32) error {
	if len(out) != len(c.outputs) {
		return Blame(fmt.Errorf("glipvk: room for %d results, there are %d", len(out), len(c.outputs)))
	}
	for i, o := range c.outputs {
		if n := graph.Shape(o.Shape).Elements(); len(out[i]) != n {
			return Blame(fmt.Errorf("glipvk: room for %d values of %s, want %d for %v", len(out[i]), o.Path, n, o.Shape))
		}
	}
	return nil
}

// Outputs describes what the part gives for a size. The program is made if it is not there.
func (p *Part[K]) Outputs(ctx context.Context, size K) (list []Output, err error) {
	err = p.with(ctx, size, func(_ context.Context, c *compiled) error {
		list = c.outputs
		return nil
	})
	return list, err
}

// Stats describes the program for a size, which is made if it is not there.
func (p *Part[K]) Stats(ctx context.Context, size K) (s Stats, err error) {
	err = p.with(ctx, size, func(_ context.Context, c *compiled) error {
		s = c.stats()
		return nil
	})
	return s, err
}

// Profile is Run with a clock on every dispatch.
func (p *Part[K]) Profile(ctx context.Context, size K, in ...Value) (out []Value, list []Timing, err error) {
	err = p.with(ctx, size, func(ctx context.Context, c *compiled) error {
		out, list, err = c.profile(ctx, in)
		return err
	}, in)
	for i := range list {
		list[i].Part = p.Name
	}
	return out, list, err
}

// Oracle runs the part as it was recorded on the CPU reference, whatever the executor is, and
// returns the outputs, then what match chooses, with their descriptions.
func (p *Part[K]) Oracle(ctx context.Context, size K, match Match, in ...[]float32) (out [][]float32, list []Output, err error) {
	c, _, err := p.e.enter(ctx)
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = c.leave(err) }()
	g, err := p.Record(size)
	if err != nil {
		return nil, nil, Blame(err)
	}
	keep, list, err := described(g, match)
	if err != nil {
		return nil, nil, err
	}
	weights := p.e.weights()
	out, err = interpret(c.ctx, g, weights, keep, cpuref.Options{Progress: p.e.options.progress("verify")}, in...)
	return out, list, err
}

// weights is where tensors are read again.
func (e *Executor) weights() Source {
	if r, ok := e.at.Load().backend.(*reference); ok {
		return r.weights
	}
	return e.source
}
