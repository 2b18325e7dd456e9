package kernels

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/glipvk/glipvk/engine"
	"github.com/glipvk/glipvk/graph"
)

// Program is a graph compiled for one device and one input size. It is safe for use
// from several goroutines, which take turns.
type Program struct {
	device     *engine.Device
	weights    *Weights
	graph      *graph.Graph
	inputs     []graph.ID
	results    []graph.ID // outputs, then kept values
	alias      map[graph.ID]graph.ID
	layout     layout
	dispatches []dispatch
	pipeline   []*engine.Pipeline
	push       [][]byte

	arena    []*engine.Buffer // slabs
	up, down *engine.Buffer   // nil where the arena is mapped

	mu       sync.Mutex
	commands *engine.Commands
	profile  *engine.Commands // recorded at the first Profile
	closed   bool
}

// Stats says what a program is made of. Bytes moved counts every operand of every
// dispatch once; FLOPs are those of products, two for each multiply-add.
type Stats struct {
	Dispatches, Barriers int
	ArenaBytes           int64 // memory for intermediate values
	LiveBytes            int64 // the least any arena could take
	WeightBytes          int64
	StagingBytes         int64 // host-visible copies of inputs and results, 0 where memory is unified
	FLOPs, BytesMoved    int64
}

// Timing is one dispatch of a profile.
type Timing struct {
	Path     string // of the graph
	Kernel   string // shader variant
	Duration time.Duration
	FLOPs    int64
	Bytes    int64
}

// ErrClosed is returned by calls on a closed program, and by Compile with closed weights.
var ErrClosed = errors.New("already closed")

func isTexel(shader string) bool { return strings.HasSuffix(shader, "_texel") }

func (p *Program) bytes(id graph.ID) int64 { return 4 * int64(p.graph.Nodes[id].Shape.Elements()) }

// home is where a value lies: in the arena, or among the weights.
func (p *Program) home(id graph.ID) (*engine.Buffer, int64) {
	id = resolve(p.alias, id)
	if n := p.graph.Nodes[id]; n.Op.Kind() == (graph.Param{}).Kind() {
		return p.weights.buffers[n.Path], 0
	}
	at := p.layout.offset[id]
	return p.arena[at/p.layout.slab], at % p.layout.slab
}

// Run computes the outputs, then the kept values, for inputs in recording order, each
// row-major of the recorded shape. On cancellation it returns the context's error at
// once; the device finishes by itself, and the next run waits for it.
func (p *Program) Run(ctx context.Context, inputs ...[]float32) ([][]float32, error) {
	outputs := p.room()
	return outputs, p.RunInto(ctx, outputs, inputs...)
}

// room is memory for the results.
func (p *Program) room() [][]float32 {
	outputs := make([][]float32, len(p.results))
	for i, id := range p.results {
		outputs[i] = make([]float32, p.graph.Nodes[id].Shape.Elements())
	}
	return outputs
}

// RunInto is Run into memory of the caller's.
func (p *Program) RunInto(ctx context.Context, outputs [][]float32, inputs ...[]float32) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.run(ctx, p.commands, outputs, inputs)
}

// run is one execution of the given commands. Callers hold p.mu.
func (p *Program) run(ctx context.Context, c *engine.Commands, outputs [][]float32, inputs [][]float32) error {
	if p.closed {
		return fmt.Errorf("kernels: run: %w", ErrClosed)
	}
	if err := p.check(outputs, inputs); err != nil {
		return err
	}
	// Work that a cancelled run left behind still uses the arena.
	if err := errors.Join(p.idle(ctx, p.commands), p.idle(ctx, p.profile)); err != nil {
		return err
	}
	var at int64
	for i, id := range p.inputs {
		if p.up == nil {
			b, offset := p.home(id)
			copy(b.Bytes()[offset:], floatBytes(inputs[i]))
		} else {
			copy(p.up.Bytes()[at:], floatBytes(inputs[i]))
			at += p.bytes(id)
		}
	}
	if err := c.Run(ctx); err != nil {
		return fmt.Errorf("kernels: run: %w", err)
	}
	at = 0
	for i, id := range p.results {
		n := p.bytes(id)
		b, offset := p.home(id)
		if p.down != nil {
			b, offset = p.down, at
			at += n
		}
		copy(floatBytes(outputs[i]), b.Bytes()[offset:offset+n])
	}
	return nil
}

func (p *Program) idle(ctx context.Context, c *engine.Commands) error {
	if c == nil {
		return nil
	}
	return c.Wait(ctx)
}

// check compares the sizes of the caller's slices with the graph.
func (p *Program) check(outputs, inputs [][]float32) error {
	if len(inputs) != len(p.inputs) || len(outputs) != len(p.results) {
		return fmt.Errorf("kernels: %w: %d inputs and %d results given, the program has %d and %d",
			graph.ErrShape, len(inputs), len(outputs), len(p.inputs), len(p.results))
	}
	return errors.Join(p.checkSizes(p.inputs, inputs), p.checkSizes(p.results, outputs))
}

func (p *Program) checkSizes(ids []graph.ID, given [][]float32) error {
	for i, id := range ids {
		if n := p.graph.Nodes[id]; len(given[i]) != n.Shape.Elements() {
			return fmt.Errorf("kernels: %w: %s has %d elements, want %v", graph.ErrShape, n.Path, len(given[i]), n.Shape)
		}
	}
	return nil
}

// Profile runs once with timestamps around every dispatch.
func (p *Program) Profile(ctx context.Context, inputs ...[]float32) ([]Timing, error) {
	outputs := p.room()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, fmt.Errorf("kernels: profile: %w", ErrClosed)
	}
	if p.profile == nil {
		c, err := p.record(engine.RecorderOptions{Timestamps: true})
		if err != nil {
			return nil, fmt.Errorf("kernels: profile: %w", err)
		}
		p.profile = c
	}
	if err := p.run(ctx, p.profile, outputs, inputs); err != nil {
		return nil, err
	}
	times, err := p.profile.Times()
	if err != nil {
		return nil, fmt.Errorf("kernels: profile: %w", err)
	}
	list := make([]Timing, len(p.dispatches))
	for i, x := range p.dispatches {
		list[i] = Timing{Path: x.path, Kernel: x.shader, Duration: times[i], FLOPs: x.flops, Bytes: x.bytes()}
	}
	return list, nil
}

// bytes moved by a dispatch: every operand once, operands bound twice counted once.
func (x dispatch) bytes() int64 {
	var n int64
	for i, o := range x.operands {
		again := false
		for _, earlier := range x.operands[:i] {
			again = again || earlier.buffer == o.buffer && earlier.offset == o.offset
		}
		if !again {
			n += o.bytes
		}
	}
	return n
}

// Stats counts what the program is made of.
func (p *Program) Stats() Stats {
	s := Stats{Dispatches: len(p.dispatches), ArenaBytes: p.layout.bytes, LiveBytes: p.layout.live, WeightBytes: p.weights.Bytes()}
	if p.up != nil {
		s.StagingBytes = p.up.Size() + p.down.Size()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.closed {
		s.Barriers = p.commands.Barriers()
	}
	for _, x := range p.dispatches {
		s.FLOPs += x.flops
		s.BytesMoved += x.bytes()
	}
	return s
}

// Close waits for the device and frees everything but the weights. Calling it again
// does nothing.
func (p *Program) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil
	}
	p.closed = true
	var errs []error
	for _, c := range []*engine.Commands{p.profile, p.commands} {
		if c != nil {
			errs = append(errs, c.Close())
		}
	}
	for _, b := range append([]*engine.Buffer{p.down, p.up}, p.arena...) {
		if b != nil {
			errs = append(errs, b.Close())
		}
	}
	return errors.Join(errs...)
}
