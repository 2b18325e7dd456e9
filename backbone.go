package glipvk

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/glipvk/glipvk/executor"
	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/picture"
	"github.com/glipvk/glipvk/swin"
)

// Backbone is a Swin with its weights on a device. All its methods may be called from several
// goroutines.
type Backbone struct {
	base
	part *executor.Part[InputSize]
	runs sync.Pool // of *run, so that ExtractInto allocates nothing
}

// run is what a call hands to the executor.
type run struct {
	in  [1]executor.Value
	out [][]float32
}

// Map is one feature map, or another value of the graph.
type Map struct {
	Name  string    // "stage1" for the output of stage 1; of a tap, its path in the graph
	Shape []int     // [N, C, H, W] for a feature map
	Data  []float32 // row-major

	// Shared says that the value does not depend on the pictures: a mask or a table.
	// Otherwise the first size is a multiple of the batch, pictures in order.
	Shared bool
}

// Features are the maps of a batch, by ascending stage.
type Features []Map

// OpenBackbone readies a backbone: it finds the architecture, binds the weights and loads
// them onto the device, once for whatever input sizes follow. The caller closes
// it. name is as [LookupBackbone] takes it. It may be empty if o.Arch is set, or if the weights' file says what
// detector they are of ([Card]), whose backbone is meant then.
//
// Errors wrap [ErrInput] for an unknown name or device, an impossible option, and
// weights that are damaged or do not fit; they list everything that is wrong with
// the weights. Others are those of package engine.
func OpenBackbone(ctx context.Context, name string, o BackboneOptions) (*Backbone, error) {
	o.Weights = o.weightsOf(name)
	bound, err := BindBackbone(name, o)
	if err != nil {
		return nil, err
	}
	info, w := bound.info, bound.weights
	cfg := info.Backbone
	any := cfg
	any.PadSmallMap = true // any size will do, the parameters are the same
	side := cfg.PatchSize * cfg.WindowSize
	g, err := swin.Record(any, swin.Input{Batch: 1, Height: side, Width: side})
	if err != nil {
		return nil, errors.Join(blame(err), w.Close())
	}
	e, err := w.open(ctx, g, o.Options)
	if err != nil {
		return nil, err
	}
	b := &Backbone{base: base{e, info, o.Options, info.Pipeline(o.Size, o.Limits), w.notes}}
	b.part = executor.NewPart(e, executor.Recording[InputSize]{Name: "backbone", Record: b.Graph})
	return b, nil
}

// opened refuses a backbone that was never opened.
func (b *Backbone) opened() error {
	if b == nil || b.exec == nil {
		return unopened("Backbone", "OpenBackbone")
	}
	return nil
}

// Graph records the backbone for a batch of pictures of one size, in pixels after
// preprocessing. The error wraps [ErrInput], and [swin.ErrSmallMap] where a
// picture is too small.
func (b *Backbone) Graph(size InputSize) (*graph.Graph, error) {
	if err := b.opened(); err != nil {
		return nil, err
	}
	g, err := swin.Record(b.info.Backbone, swin.Input(size))
	return g, blame(err)
}

// check refuses inputs that are not what they say.
func (b *Backbone) check(in picture.Input) error {
	if err := b.opened(); err != nil {
		return err
	}
	return b.base.check(in)
}

// Extract computes the features of a batch of pictures, which must have
// one size after preprocessing (with the default pipeline they do, but for
// pictures smaller than the crop). Errors wrap [ErrInput], [ErrClosed], the
// context's error, or are those of package engine. A cancelled call returns
// promptly and leaves the backbone usable.
func (b *Backbone) Extract(ctx context.Context, pictures ...picture.Picture) (Features, error) {
	if err := b.opened(); err != nil {
		return nil, err
	}
	in, err := b.preprocess(ctx, pictures...)
	if err != nil {
		return nil, err
	}
	return b.ExtractInput(ctx, in)
}

// ExtractInput is Extract for input that is preprocessed already.
func (b *Backbone) ExtractInput(ctx context.Context, in picture.Input) (Features, error) {
	if err := b.check(in); err != nil {
		return nil, err
	}
	return b.extract(ctx, b.part, in)
}

// Room makes the memory that [Backbone.ExtractInto] fills, for batches of pictures of
// one size.
func (b *Backbone) Room(ctx context.Context, size InputSize) (Features, error) {
	if err := b.opened(); err != nil {
		return nil, err
	}
	outputs, err := b.part.Outputs(ctx, size)
	if err != nil {
		return nil, err
	}
	return b.maps(outputs, nil), nil
}

// maps are the values of a run with their names: data, or new memory where that is nil.
func (b *Backbone) maps(outputs []executor.Output, data [][]float32) Features {
	f := make(Features, len(outputs))
	for i, o := range outputs {
		if data == nil {
			f[i] = tapped(o, make([]float32, graph.Shape(o.Shape).Elements()))
		} else {
			f[i] = tapped(o, data[i])
		}
		if !o.Kept {
			f[i].Name = StageName(b.info.Backbone.OutIndices[i])
		}
	}
	return f
}

// tapped names a value inside.
func tapped(o executor.Output, data []float32) Map {
	return Map{Name: o.Path, Shape: slices.Clone(o.Shape), Data: data, Shared: o.Shared}
}

// StageName is the name of a stage's map: "stage1".
func StageName(stage int) string { return fmt.Sprintf("stage%d", stage) }

// ExtractInto is [Backbone.ExtractInput] into memory that [Backbone.Room], or an earlier
// call for the same size, made: f[i].Data is overwritten. On a Vulkan device, with a context
// that cannot end, a call allocates nothing once the program for the size is made. After an
// error, f holds anything.
func (b *Backbone) ExtractInto(ctx context.Context, f Features, in picture.Input) error {
	if err := b.check(in); err != nil {
		return err
	}
	return b.into(ctx, f, in)
}

// into is ExtractInto for input that was checked.
func (b *Backbone) into(ctx context.Context, f Features, in picture.Input) error {
	r, _ := b.runs.Get().(*run)
	if r == nil {
		r = new(run)
	}
	r.in[0] = executor.Host(in.Data)
	for i := range f {
		r.out = append(r.out, f[i].Data)
	}
	err := b.part.RunInto(ctx, SizeOf(in), r.out, r.in[:])
	clear(r.out) // the pool holds no memory of the caller's
	r.in[0], r.out = executor.Value{}, r.out[:0]
	b.runs.Put(r)
	if err != nil {
		return err
	}
	return b.checkMaps(f)
}

// checkMaps refuses features that are no numbers.
func (b *Backbone) checkMaps(f Features) error {
	if b.options.AllowNonFinite {
		return nil
	}
	for _, m := range f {
		if !finite(m.Data) {
			return b.checkFinite("map "+m.Name, m.Data)
		}
	}
	return nil
}

// Prepare makes the program for a batch of pictures of one size, so that the first extraction
// of that size need not.
func (b *Backbone) Prepare(ctx context.Context, size InputSize) error {
	if err := b.opened(); err != nil {
		return err
	}
	_, err := b.part.Outputs(ctx, size)
	return err
}

// Taps computes the features and, of the values inside the model, those whose
// path matches one of the globs (see [graph.Graph.Match]), in execution order.
// The program is made for this call only. A glob that matches nothing is an error
// that wraps [ErrInput].
func (b *Backbone) Taps(ctx context.Context, in picture.Input, globs ...string) (Features, []Map, error) {
	if err := b.check(in); err != nil {
		return nil, nil, err
	}
	part := b.part.Keeping(matchAll(globs))
	f, err := b.extract(ctx, part, in)
	if closing := part.Close(ctx); err == nil {
		err = closing
	}
	if err != nil {
		return nil, nil, err
	}
	n := len(b.info.Backbone.OutIndices)
	return f[:n:n], f[n:], nil
}

// extract runs a part and returns its features, then what is kept.
func (b *Backbone) extract(ctx context.Context, part *executor.Part[InputSize], in picture.Input) (Features, error) {
	data, outputs, err := part.Host(ctx, SizeOf(in), executor.Host(in.Data))
	if err != nil {
		return nil, err
	}
	f := b.maps(outputs, data)
	return f, b.checkMaps(f[:len(b.info.Backbone.OutIndices)])
}

// matchAll keeps what any of the globs matches; each must match something.
func matchAll(globs []string) executor.Match {
	return func(g *graph.Graph) ([]graph.ID, error) {
		met := map[string]bool{}
		ids, err := someMatch(globs, met)(g)
		return ids, cmp.Or(err, unmet(globs, met, "stages.0.blocks.1.attn"))
	}
}

// someMatch keeps what globs match, each value once, in one of several graphs perhaps, and notes which globs did.
func someMatch(globs []string, met map[string]bool) executor.Match {
	return func(g *graph.Graph) (ids []graph.ID, err error) {
		for _, glob := range globs {
			found, err := g.Match(glob)
			if err != nil {
				return nil, fmt.Errorf("glipvk: %w", err)
			}
			met[glob] = met[glob] || len(found) > 0
			ids = append(ids, found...)
		}
		slices.Sort(ids)
		return slices.Compact(ids), nil
	}
}

// unmet refuses globs that matched nothing.
func unmet(globs []string, met map[string]bool, example string) error {
	for _, glob := range globs {
		if !met[glob] {
			return fmt.Errorf("glipvk: no value of the model matches %q; a path is like %s, where * stands for one part and ** for several", glob, example)
		}
	}
	return nil
}

// Profile runs in once with a clock on every dispatch.
func (b *Backbone) Profile(ctx context.Context, in picture.Input) ([]Timing, error) {
	if err := b.check(in); err != nil {
		return nil, err
	}
	_, list, err := b.part.Profile(ctx, SizeOf(in), executor.Host(in.Data))
	return list, err
}

// Stats describes the program for a batch of pictures of one size, which is made
// if it is not there.
func (b *Backbone) Stats(ctx context.Context, size InputSize) (Stats, error) {
	if err := b.opened(); err != nil {
		return Stats{}, err
	}
	return b.part.Stats(ctx, size)
}

// Counts counts the multiply-adds of a batch of pictures of one size.
func (b *Backbone) Counts(size InputSize) (int64, error) {
	g, err := b.Graph(size)
	if err != nil {
		return 0, err
	}
	return g.Count().MultiplyAdds, nil
}
