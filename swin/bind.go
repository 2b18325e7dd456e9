package swin

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/glipvk/glipvk/graph"
)

// TableResize says what to do with relative position tables made for another
// window.
type TableResize int

// The rules for tables of another window.
const (
	RefuseTables   TableResize = iota // report them as [ErrShape]
	ResizeGeometry                    // mmpretrain's rule, see ResizeTableGeometric
	ResizeBicubic                     // Microsoft's rule, see ResizeTableBicubic
)

// BindOptions changes how weights are bound. The zero value is strict.
type BindOptions struct {
	ResizeTables   TableResize // for checkpoints of another window
	AllowNonFinite bool        // let NaN and infinity pass
}

// Weights gives the tensors of a model by the names of its recorded graph, read
// from a checkpoint when asked for. It may be used from several goroutines if its
// source may.
type Weights struct {
	src     Source
	cfg     Config
	family  Family
	opts    BindOptions
	names   []string // in the order of the graph
	bound   map[string]binding
	ignored []IgnoredKey
}

// binding is one tensor of the model and where it comes from.
type binding struct {
	keys  []string // of the file; three where q, k and v stand apart
	want  []int
	merge int  // C if the last axis of 4C is to be put into the graph's merge order, else 0
	table bool // a position table, which may be of another window
	plane bool // a position embedding kept as [1, C, H, W]
}

// Bind matches a checkpoint with an architecture, exactly and without reading a
// tensor: every parameter of the recorded graph must be there in its shape and in
// floating point, every tensor of the file must be used or be known to be of no
// use. Names and the order of patch merging are mapped from the file's family; the
// bound names and orders are those of the recorded graph, which are mmpretrain's.
//
// Errors: those of [Detect] and Config.Validate, and a [*BindError] that lists all
// problems. Values are looked at when a tensor is read; [Weights.Check] reads all
// of them and lists every tensor that is not finite.
func Bind(src Source, cfg Config, opts BindOptions) (*Weights, error) {
	params, err := parameters(cfg)
	if err != nil {
		return nil, err
	}
	names, err := MapNames(src)
	if err != nil {
		return nil, err
	}
	w := &Weights{src: src, cfg: cfg, family: names.Family, opts: opts, bound: map[string]binding{}, ignored: names.Ignored}
	problems := &BindError{File: sourceName(src), Family: names.Family}
	for _, p := range params {
		w.names = append(w.names, p.Path)
		w.bind(p.Path, p.Shape, names.Keys[p.Path], problems)
	}
	for _, name := range names.names() {
		if _, used := w.bound[name]; used {
			continue
		}
		for _, key := range names.Keys[name] {
			if s, ok := normOf(name); ok && s < cfg.Stages() {
				w.ignored = append(w.ignored, IgnoredKey{key, reasonNorm})
			} else if key != "" {
				problems.Unexpected = append(problems.Unexpected, key)
			}
		}
	}
	problems.Unexpected = append(problems.Unexpected, names.Unknown...)
	if len(problems.Unwrap()) > 0 {
		problems.explain(names, src, cfg)
		return nil, problems
	}
	return w, nil
}

// parameters lists what the recorded graph reads: the paths and shapes of its
// Params. They do not depend on the size of the picture.
func parameters(cfg Config) ([]graph.Node, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	padded := cfg
	padded.PadSmallMap = true // so that no picture is too small
	side := cfg.PatchSize * cfg.WindowSize
	g, err := Record(padded, Input{Batch: 1, Height: side, Width: side})
	if err != nil {
		return nil, err
	}
	var list []graph.Node
	for _, id := range g.Params() {
		list = append(list, g.Nodes[id])
	}
	return list, nil
}

// bind checks one parameter against the keys that claim to be it.
func (w *Weights) bind(name string, want graph.Shape, keys []string, problems *BindError) {
	w.bound[name] = binding{} // used, even if wrong
	if len(keys) == 0 || slices.Contains(keys, "") {
		problems.Missing = append(problems.Missing, name)
		return
	}
	b := binding{keys: keys, want: slices.Clone([]int(want))}
	if strings.Contains(name, ".downsample.") && w.family.blockOrder() {
		b.merge = b.want[len(b.want)-1] / 4
	}
	part := slices.Clone(b.want)
	part[0] /= len(keys)
	for _, key := range keys {
		got, _ := w.src.Shape(key)
		dtype := w.src.DType(key)
		switch {
		case !Floating(dtype):
		case slices.Equal(got, part):
			continue
		case name == "absolute_pos_embed" && planeOf(got, want):
			b.plane = true
			continue
		case strings.HasSuffix(name, ".relative_position_bias_table") && w.opts.ResizeTables != RefuseTables && otherWindow(got, want):
			b.table = true
			continue
		}
		problems.Mismatched = append(problems.Mismatched, Mismatch{Name: name, Key: key, DType: dtype, Got: got, Want: part})
	}
	w.bound[name] = b
}

// Floating says whether weights may be stored in this element type.
func Floating(dtype string) bool {
	switch dtype {
	case "float32", "float16", "bfloat16", "float64":
		return true
	}
	return false
}

// planeOf says whether [1, C, H, W] is the position embedding [1, L, C].
func planeOf(got []int, want graph.Shape) bool {
	return len(got) == 4 && len(want) == 3 && got[0] == 1 && got[1] == want[2] && got[2] == got[3] && got[2]*got[3] == want[1]
}

// otherWindow says whether a table only has another number of offsets.
func otherWindow(got []int, want graph.Shape) bool {
	if len(got) != 2 || got[1] != want[1] {
		return false
	}
	side := isqrt(got[0])
	return side*side == got[0] && side%2 == 1
}

// normOf returns the stage of an output norm.
func normOf(name string) (int, bool) {
	c, ok := match(name, "normN.*")
	return c.norm, ok
}

// explain adds the difference of architectures and a remedy.
func (e *BindError) explain(names *NameMap, src Source, cfg Config) {
	if file, err := names.infer(src); err == nil {
		e.Differences = Differences(file, cfg)
	}
	inner := func(name string) bool { s, ok := normOf(name); return ok && s < cfg.Stages()-1 }
	windows := func(m Mismatch) bool { return strings.HasSuffix(m.Name, ".relative_position_bias_table") }
	switch {
	case len(e.Missing) > 0 && !slices.ContainsFunc(e.Missing, func(n string) bool { return !inner(n) }):
		e.Remedy = fmt.Sprintf("the file has no norms for those stages: ask for the last map alone (--out-indices %d)", cfg.Stages()-1)
	case len(e.Mismatched) > 0 && len(e.Missing) == 0 && !slices.ContainsFunc(e.Mismatched, func(m Mismatch) bool { return !windows(m) }):
		e.Remedy = "only the position tables differ: choose the model with the file's window, or resize the tables on request"
	case len(e.Differences) > 0:
		e.Remedy = "choose the model that the file was made for"
	case len(e.Missing) > 0:
		e.Remedy = "use a complete checkpoint of this model"
	case len(e.Unexpected) > 0:
		e.Remedy = "use a checkpoint of this model alone, each tensor under one name"
	default:
		e.Remedy = "use a checkpoint of this model in floating point"
	}
}

// Family returns the family of the file.
func (w *Weights) Family() Family { return w.family }

// Config returns the architecture the weights were bound to.
func (w *Weights) Config() Config { return w.cfg }

// Names returns the parameters in the order of the recorded graph.
func (w *Weights) Names() []string { return slices.Clone(w.names) }

// Keys returns the tensors of the file that a parameter is made of: one, or
// query, key and value where the family keeps them apart; nil if there is none.
func (w *Weights) Keys(name string) []string { return slices.Clone(w.bound[name].keys) }

// Ignored returns the tensors of the file that are of no use, with the reason.
func (w *Weights) Ignored() []IgnoredKey { return slices.Clone(w.ignored) }

// Shape returns the shape of a parameter.
func (w *Weights) Shape(name string) (shape []int, ok bool) {
	b, ok := w.bound[name]
	return slices.Clone(b.want), ok
}

// Tensor reads a parameter by its path in the recorded graph, for instance
// "stages.0.blocks.1.attn.w_msa.qkv.weight": row-major, in the graph's order. The
// slices are the caller's to keep. Errors: [ErrMissing] for a name that is no
// parameter, [ErrNonFinite], and those of the source.
func (w *Weights) Tensor(name string) (shape []int, data []float32, err error) {
	data, err = w.read(name)
	if err != nil {
		return nil, nil, err
	}
	if bad, found := FirstNonFinite(name, data); found && !w.opts.AllowNonFinite {
		return nil, nil, &BindError{File: sourceName(w.src), Family: w.family, NonFinite: []NonFinite{bad}, Remedy: NonFiniteRemedy}
	}
	return slices.Clone(w.bound[name].want), data, nil
}

// NonFiniteRemedy is what helps against weights that are not finite.
const NonFiniteRemedy = "the file is damaged or its training diverged: download it again or use another"

// Check reads every parameter and lists all that are not finite in one
// [*BindError]; tensors the source cannot read are joined to it. It returns early
// when ctx is done.
func (w *Weights) Check(ctx context.Context) error {
	problems := &BindError{File: sourceName(w.src), Family: w.family, Remedy: NonFiniteRemedy}
	var errs []error
	for _, name := range w.names {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("swin: checking weights: %w", err)
		}
		data, err := w.read(name)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if bad, found := FirstNonFinite(name, data); found && !w.opts.AllowNonFinite {
			problems.NonFinite = append(problems.NonFinite, bad)
		}
	}
	if len(problems.NonFinite) > 0 {
		errs = append(errs, problems)
	}
	return errors.Join(errs...)
}

// read assembles a parameter from its tensors.
func (w *Weights) read(name string) ([]float32, error) {
	b, ok := w.bound[name]
	if !ok {
		return nil, fmt.Errorf("swin: %w: the model has no parameter %q", ErrMissing, name)
	}
	var out []float32
	for _, key := range b.keys {
		shape, data, err := w.src.Tensor(key)
		if err != nil {
			return nil, fmt.Errorf("swin: reading %s: %w", name, err)
		}
		switch {
		case b.plane:
			data = transpose(data, shape[1], shape[2]*shape[3]) // [C, L] to [L, C]
		case b.table && shape[0] != b.want[0]:
			data = w.resizeTable(data, shape, b.want)
		}
		if out == nil {
			out = data
		} else {
			out = append(out, data...)
		}
	}
	if b.merge > 0 {
		out = mergeOrder(out, b.merge)
	}
	if n := graph.Shape(b.want).Elements(); len(out) != n {
		return nil, fmt.Errorf("swin: %s: %w: %d elements were read, %d declared", name, ErrShape, len(out), n)
	}
	return out, nil
}

func (w *Weights) resizeTable(data []float32, shape, want []int) []float32 {
	if w.opts.ResizeTables == ResizeBicubic {
		return ResizeTableBicubic(data, shape[1], isqrt(shape[0]), isqrt(want[0]))
	}
	return ResizeTableGeometric(data, shape[1], isqrt(shape[0]), isqrt(want[0]))
}

// mergeOrder rewrites rows of 4C elements from Microsoft's order of the four
// neighbours, (ky + 2kx)·C + c, to the graph's, 4c + 2ky + kx
// (mmpretrain/tools/model_converters/glip_to_mmpretrain.py, correct_unfold_*).
func mergeOrder(data []float32, channels int) []float32 {
	out := make([]float32, len(data))
	width := 4 * channels
	for row := 0; row+width <= len(data); row += width {
		for c := range channels {
			for ky := range 2 {
				for kx := range 2 {
					out[row+4*c+2*ky+kx] = data[row+(ky+2*kx)*channels+c]
				}
			}
		}
	}
	return out
}

// transpose turns [rows, cols] into [cols, rows].
func transpose(data []float32, rows, cols int) []float32 {
	out := make([]float32, len(data))
	for r := range rows {
		for c := range cols {
			out[c*rows+r] = data[r*cols+c]
		}
	}
	return out
}

// FirstNonFinite looks for NaN and infinity in the tensor called name.
func FirstNonFinite(name string, data []float32) (NonFinite, bool) {
	const exponent = 0x7f800000
	found := NonFinite{Name: name}
	for i, v := range data {
		if math.Float32bits(v)&exponent == exponent {
			if found.Count == 0 {
				found.Index, found.Value = i, v
			}
			found.Count++
		}
	}
	return found, found.Count > 0
}
