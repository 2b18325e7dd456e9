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
	begins     map[graph.ID]int
	layout     layout
	dispatches []dispatch
	pipeline   []*engine.Pipeline
	push       [][]byte

	arena    []*engine.Buffer // slabs
	up, down *engine.Buffer   // nil where the arena is mapped

	mu       sync.Mutex
	commands *engine.Commands
	profile  *lane   // made at the first Profile
	lanes    []*lane // made at the first Submit
	free     chan *lane
	closed   bool
}

// Stats says what a program is made of. Bytes moved counts every operand of every
// dispatch once; FLOPs are those of products, two for each multiply-add.
type Stats struct {
	Dispatches, Barriers int
	ArenaBytes           int64 // memory for intermediate values
	LiveBytes            int64 // the least any arena could take
	WeightBytes          int64
	StagingBytes         int64 // host-visible copies of inputs and results: none where memory is unified, unless Submit was used
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
	id, begin := owner(p.alias, p.begins, id)
	if n := p.graph.Nodes[id]; n.Op.Kind() == (graph.Param{}).Kind() {
		return p.weights.buffers[n.Path], 4 * int64(begin)
	}
	at := p.layout.offset[id] + 4*int64(begin)
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
	if len(p.lanes) > 0 { // submissions may be under way, and the arena is theirs
		p.mu.Unlock()
		if err := p.check(outputs, inputs); err != nil { // before there is a ticket to collect
			return err
		}
		t, err := p.submit(ctx, inputs)
		if err != nil {
			return err
		}
		return t.Collect(ctx, outputs)
	}
	defer p.mu.Unlock()
	return p.run(ctx, lane{p.up, p.down, p.commands}, outputs, inputs)
}

// run is one execution by the commands of l, whose buffers inputs and results pass; where it
// has none they are read and written in the arena itself. Callers hold p.mu.
func (p *Program) run(ctx context.Context, l lane, outputs [][]float32, inputs [][]float32) error {
	if p.closed {
		return fmt.Errorf("kernels: run: %w", ErrClosed)
	}
	if err := p.check(outputs, inputs); err != nil {
		return err
	}
	// Work that a cancelled run left behind still uses the arena.
	if err := p.commands.Wait(ctx); err != nil {
		return err
	}
	if p.profile != nil {
		if err := p.profile.commands.Wait(ctx); err != nil {
			return err
		}
	}
	var at int64
	for i, id := range p.inputs {
		if l.up == nil {
			b, offset := p.home(id)
			copy(b.Bytes()[offset:], floatBytes(inputs[i]))
		} else {
			copy(l.up.Bytes()[at:], floatBytes(inputs[i]))
			at += p.bytes(id)
		}
	}
	if err := l.commands.Run(ctx); err != nil {
		return fmt.Errorf("kernels: run: %w", err)
	}
	at = 0
	for i, id := range p.results {
		n := p.bytes(id)
		b, offset := p.home(id)
		if l.down != nil {
			b, offset = l.down, at
			at += n
		}
		copy(floatBytes(outputs[i]), b.Bytes()[offset:offset+n])
	}
	return nil
}

// check compares the sizes of the caller's slices with the graph.
func (p *Program) check(outputs, inputs [][]float32) error {
	if len(inputs) != len(p.inputs) || len(outputs) != len(p.results) {
		return p.miscounted(len(inputs), len(outputs))
	}
	if err := p.checkSizes(p.inputs, inputs); err != nil {
		return err
	}
	return p.checkSizes(p.results, outputs)
}

func (p *Program) miscounted(inputs, outputs int) error {
	return fmt.Errorf("kernels: %w: %d inputs and %d results given, the program has %d and %d",
		graph.ErrShape, inputs, outputs, len(p.inputs), len(p.results))
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
	_, list, err := p.RunProfiled(ctx, inputs...)
	return list, err
}

// RunProfiled is Run and Profile in one: the results of the run that was timed.
func (p *Program) RunProfiled(ctx context.Context, inputs ...[]float32) ([][]float32, []Timing, error) {
	outputs := p.room()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, nil, fmt.Errorf("kernels: profile: %w", ErrClosed)
	}
	if p.profile == nil {
		l, err := p.newLane(engine.RecorderOptions{Timestamps: true})
		if err != nil {
			return nil, nil, fmt.Errorf("kernels: profile: %w", err)
		}
		p.profile = l
	}
	if err := p.run(ctx, *p.profile, outputs, inputs); err != nil {
		return nil, nil, err
	}
	times, err := p.profile.commands.Times()
	if err != nil {
		return nil, nil, fmt.Errorf("kernels: profile: %w", err)
	}
	list := make([]Timing, len(p.dispatches))
	for i, x := range p.dispatches {
		list[i] = Timing{Path: x.path, Kernel: x.shader, Duration: times[i], FLOPs: x.flops, Bytes: x.bytes()}
	}
	return outputs, list, nil
}

// bytes moved by a dispatch: every operand once, operands bound twice counted once.
func (x dispatch) bytes() int64 {
	var n int64
	for i, o := range x.operands {
		again := false
		for _, earlier := range x.operands[:i] {
			again = again || earlier.weight == o.weight && earlier.offset == o.offset
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
	for _, l := range p.lanes {
		s.StagingBytes += l.up.Size() + l.down.Size()
	}
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
	if p.profile != nil {
		errs = append(errs, p.profile.close())
	}
	for _, l := range p.lanes {
		errs = append(errs, l.close())
	}
	if p.commands != nil {
		errs = append(errs, p.commands.Close())
	}
	for _, b := range append([]*engine.Buffer{p.down, p.up}, p.arena...) {
		if b != nil {
			errs = append(errs, b.Close())
		}
	}
	return errors.Join(errs...)
}
