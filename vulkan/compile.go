package vulkan

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/glipvk/glipvk/engine"
	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/kernels"
)

// Options says how a graph is compiled. The zero value is the fast way.
type Options struct {
	// Keep lists values to return besides the outputs. They are never joined away.
	Keep []graph.ID
	// Source, if set, is asked again for parameters that the graph reads in another way than that which its weights were uploaded
	// for, when the program is made; it has them to itself. Without one they are an error.
	Source Source
	// NoFusion lowers every node by itself.
	NoFusion bool
	// NoReuse gives every value memory of its own: it is how aliasing mistakes are bisected.
	NoReuse bool
	// Tuning says how tiles of matrix products are chosen.
	Tuning Tuning
	// Cut bounds the floating-point operations of one submission; 0 is all in one. Systems take
	// a device away from who keeps it for seconds.
	Cut int64
	// Progress, if set, is told how many pipelines are compiled, by one goroutine at a time.
	Progress func(done, total int)

	// Poison fills the arena with NaN: what reads memory before it was written shows. For tests.
	Poison bool
	// Caps, if set, are limits to plan for in place of the device's, none above them. For tests.
	Caps *engine.Caps
	// Tiles are taken in place of those that ought to suit, where Tuning is off. For tests.
	Tiles map[string]kernels.Tile
	// Block is [kernels.Options.Block]. For tests.
	Block int
}

// Plan is a graph that is planned for a device, and measured if that is on. It holds no
// memory of the device.
type Plan struct{ planned }

// planned is what a plan and its program know.
type planned struct {
	device    *engine.Device
	weights   *Weights
	graph     *graph.Graph
	plan      *kernels.Plan
	results   []graph.ID // outputs, then kept values
	otherwise []graph.ID // parameters that the graph reads in another way
	o         Options
}

// Prepare plans a graph for the device of the weights. Errors name the node and its shape.
func Prepare(ctx context.Context, d *engine.Device, g *graph.Graph, w *Weights, o Options) (*Plan, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("vulkan: prepare: %w", err)
	}
	otherwise, err := w.check(g, o.Source != nil)
	if err != nil {
		return nil, err
	}
	info := d.Info()
	if o.Caps != nil {
		info.Caps = *o.Caps
	}
	lowering := kernels.Rewrite(g, info, w.layout, kernels.Options{Keep: o.Keep, NoFusion: o.NoFusion, NoReuse: o.NoReuse, Block: o.Block})
	tiles := o.Tiles
	if !o.Tuning.Off {
		if tiles, err = w.tune(ctx, lowering.Products(), o.Tuning); err != nil {
			return nil, err
		}
	}
	plan, err := lowering.Plan(tiles)
	if err != nil {
		return nil, err
	}
	return &Plan{planned{d, w, g, plan, slices.Concat(g.Outputs, o.Keep), otherwise, o}}, nil
}

// Bytes is the device memory that the program takes for one caller at a time, at most: its
// arena, weights of its own and, where the host does not see the arena, what inputs and results pass through.
func (p *Plan) Bytes() int64 {
	n := p.plan.Arena
	packer := p.weights.layout.Packer(p.graph)
	for _, id := range p.otherwise {
		n += packer.Bytes(id)
	}
	if !p.device.Info().Caps.UnifiedMemory {
		n += sum(p.plan.Inputs) + sum(p.plan.Results)
	}
	return n
}

func sum(list []kernels.Range) (n int64) {
	for _, r := range list {
		n += r.Bytes
	}
	return n
}

// Compile is [Prepare] and [Plan.Compile].
func Compile(ctx context.Context, d *engine.Device, g *graph.Graph, w *Weights, o Options) (*Program, error) {
	p, err := Prepare(ctx, d, g, w, o)
	if err != nil {
		return nil, err
	}
	return p.Compile(ctx)
}

// Compile makes the program. The caller closes it, before the weights.
func (p *Plan) Compile(ctx context.Context) (*Program, error) {
	x := newProgram(p)
	if err := x.compile(ctx); err != nil {
		return nil, errors.Join(err, x.Close())
	}
	return x, nil
}

func (p *Program) compile(ctx context.Context) error {
	if len(p.otherwise) > 0 {
		own, err := bring(ctx, p.device, p.weights.layout, p.graph, p.otherwise, p.o.Source, nil)
		if err != nil {
			return err
		}
		p.own = own
	}
	if err := p.allocate(ctx); err != nil {
		return err
	}
	if err := p.pipelines(ctx); err != nil {
		return err
	}
	var err error
	p.first.body, err = p.record(ctx, engine.RecorderOptions{})
	return err
}

// allocate makes the arena.
func (p *Program) allocate(ctx context.Context) error {
	for left := max(p.plan.Arena, 16); left > 0; left -= p.plan.Slab {
		b, err := p.device.NewBuffer(min(left, p.plan.Slab), engine.DeviceMemory, "arena")
		if err != nil {
			return fmt.Errorf("vulkan: arena of %d bytes: %w", p.plan.Arena, err)
		}
		p.arena = append(p.arena, b)
		if p.o.Poison {
			data := make([]float32, b.Size()/4)
			for i := range data {
				data[i] = float32(math.NaN())
			}
			if err := p.device.Upload(ctx, b, 0, floatBytes(data)); err != nil {
				return err
			}
		}
	}
	p.mapped = p.arena[0].Bytes() != nil
	return nil
}

// pipelines finds or makes the pipeline of every dispatch, those that run first before the
// others, on all cores.
func (p *Program) pipelines(ctx context.Context) error {
	uses, of := p.plan.Pipelines()
	made, done := make([]*engine.Pipeline, len(uses)), 0
	var mu sync.Mutex // guards done
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i, x := range uses {
		group.Go(func() (err error) {
			if made[i], err = p.device.Pipeline(ctx, x.Spec); err != nil {
				return fmt.Errorf("vulkan: %s: %w", x.Path, err)
			}
			mu.Lock()
			defer mu.Unlock()
			if done++; p.o.Progress != nil && ctx.Err() == nil {
				p.o.Progress(done, len(uses))
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for _, n := range of {
		p.pipeline = append(p.pipeline, made[n])
	}
	return nil
}

// memory is the buffer that holds a range, and where in it.
func (p *Program) memory(r kernels.Range) (*engine.Buffer, int64) {
	if r.Weight != "" {
		return cmp.Or(p.own.buffers[r.Weight], p.weights.buffers[r.Weight]), r.Offset
	}
	return p.arena[r.Offset/p.plan.Slab], r.Offset % p.plan.Slab
}

// leastWork is the operations that a byte moved counts for where a program is cut.
const leastWork = 4

// record writes the program's dispatches into commands: one, or several that none has
// much more work than there may be.
func (p *Program) record(ctx context.Context, o engine.RecorderOptions) (list commands, err error) {
	defer func() {
		if err != nil {
			err = errors.Join(err, list.close())
			list = nil
		}
	}()
	for begin := 0; begin < len(p.plan.Dispatches); {
		r, err := p.device.NewRecorder("program", o)
		if err != nil {
			return list, err
		}
		work, end := int64(0), begin
		for ; end < len(p.plan.Dispatches); end++ {
			if err := ctx.Err(); err != nil {
				r.Abandon()
				return list, fmt.Errorf("vulkan: recording: %w", err)
			}
			x := p.plan.Dispatches[end]
			if work += max(x.FLOPs, leastWork*x.Bytes); p.o.Cut > 0 && work > p.o.Cut && end > begin {
				break
			}
			d := engine.Dispatch{Label: x.Path, Pipeline: p.pipeline[end], Push: x.Push, Groups: x.Groups}
			for _, o := range x.Operands {
				b := engine.Binding{Size: o.Bytes, Access: o.Access, Texel: o.Texel, Half: o.Half}
				b.Buffer, b.Offset = p.memory(o.Range)
				d.Bindings = append(d.Bindings, b)
			}
			r.Dispatch(d)
		}
		c, err := r.Finish()
		if err != nil {
			return list, err
		}
		list, begin = append(list, c), end
	}
	return list, nil
}

// commands are submissions, one after the other.
type commands []*engine.Commands

func (list commands) start(ctx context.Context) error {
	for _, c := range list {
		if err := c.Start(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (list commands) wait(ctx context.Context) error {
	for _, c := range list {
		if err := c.Wait(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (list commands) close() error {
	var errs []error
	for _, c := range list {
		errs = append(errs, c.Close())
	}
	return errors.Join(errs...)
}
