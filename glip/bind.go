package glip

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/swin"
)

// ErrAnchors: the file was made for anchors other than the configuration's, so its
// boxes would be decoded wrongly. Remedy: state its anchor sizes and strides.
var ErrAnchors = errors.New("anchors of another detector")

// Weights gives the tensors of a detector by the names of its recorded graph, read
// from a checkpoint when asked for. It may be used from several goroutines if its
// source may.
type Weights struct {
	src     swin.Source
	cfg     Config
	family  swin.Family
	opts    swin.BindOptions
	body    *swin.Weights
	names   []string // in the order of Config.Params
	bound   map[string]binding
	ignored []swin.IgnoredKey
	anchors map[int]string
}

// binding is a tensor outside the backbone and where it comes from.
type binding struct {
	key  string // of the file
	want []int
}

// Bind matches the checkpoint of a whole detector with an architecture, exactly and
// without reading a tensor: every one of Config.Params must be there in its shape and
// in floating point, every tensor of the file must be used or be known to be of no
// use. Names and the order of patch merging are mapped from the file's family. The
// backbone is bound by package swin, and opts mean what they mean there.
//
// Errors: those of Config.Validate and [MapNames], and a [*swin.BindError] that lists
// all problems. Values are looked at when a tensor is read; [Weights.Check] reads all
// of them.
func Bind(src swin.Source, cfg Config, opts swin.BindOptions) (*Weights, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	names, err := MapNames(src)
	if err != nil {
		return nil, err
	}
	w := &Weights{
		src: src, cfg: cfg, family: names.Family, opts: opts,
		bound: map[string]binding{}, ignored: slices.Clone(names.Ignored[:names.ownIgnored]), anchors: names.anchors,
	}
	problems := w.problems()
	if err := w.bindBody(names.body, problems); err != nil {
		return nil, err
	}
	for _, p := range cfg.Params() {
		w.names = append(w.names, p.Name)
		if !strings.HasPrefix(p.Name, bodyPrefix) {
			w.bind(p, names.Keys[p.Name], problems)
		}
	}
	problems.Unexpected = append(problems.Unexpected, w.unused(names)...)
	problems.Unexpected = append(problems.Unexpected, names.Unknown[:names.ownUnknown]...)
	if len(problems.Unwrap()) > 0 {
		explain(problems, names, src, cfg)
		return nil, problems
	}
	return w, nil
}

// problems is an empty list of problems.
func (w *Weights) problems() *swin.BindError {
	return &swin.BindError{Package: "glip", File: sourceName(w.src), Family: w.family}
}

// bindBody binds the backbone and adds its problems to the others. The error is one
// that is not about single tensors.
func (w *Weights) bindBody(src swin.Source, problems *swin.BindError) error {
	body, err := swin.Bind(src, w.cfg.Backbone, w.opts)
	var bad *swin.BindError
	switch {
	case errors.As(err, &bad):
		adopt(problems, bad)
		return nil
	case err != nil:
		return fmt.Errorf("glip: the backbone: %w", err)
	}
	w.body = body
	w.ignored = append(w.ignored, body.Ignored()...)
	return nil
}

// adopt adds the backbone's problems under the detector's names.
func adopt(problems, body *swin.BindError) {
	for _, name := range body.Missing {
		problems.Missing = append(problems.Missing, bodyPrefix+name)
	}
	for _, m := range body.Mismatched {
		m.Name = bodyPrefix + m.Name
		problems.Mismatched = append(problems.Mismatched, m)
	}
	for _, n := range body.NonFinite {
		n.Name = bodyPrefix + n.Name
		problems.NonFinite = append(problems.NonFinite, n)
	}
	problems.Unexpected = append(problems.Unexpected, body.Unexpected...)
}

// bind checks one parameter against the tensor of the file that claims to be it.
func (w *Weights) bind(p Param, keys []string, problems *swin.BindError) {
	w.bound[p.Name] = binding{want: p.Shape} // used, even if wrong
	if len(keys) == 0 {
		problems.Missing = append(problems.Missing, p.Name)
		return
	}
	key := keys[0]
	got, _ := w.src.Shape(key)
	dtype := w.src.DType(key)
	if !swin.Floating(dtype) || !slices.Equal(got, p.Shape) && !scalar(p.Name, got) {
		problems.Mismatched = append(problems.Mismatched, swin.Mismatch{Name: p.Name, Key: key, DType: dtype, Got: got, Want: p.Shape})
	}
	w.bound[p.Name] = binding{key: key, want: p.Shape}
}

// unused lists, in file order, the tensors outside the backbone that could be
// parameters but are none of this architecture.
func (w *Weights) unused(names *NameMap) []string {
	extra := map[string]bool{}
	for name, keys := range names.Keys {
		if _, used := w.bound[name]; !used && !strings.HasPrefix(name, bodyPrefix) {
			extra[keys[0]] = true
		}
	}
	return slices.DeleteFunc(slices.Clone(w.src.Names()), func(key string) bool { return !extra[key] })
}

// scalar says whether a tensor is a scale of the box head without an axis, as
// MMDetection's own training stores it.
func scalar(name string, got []int) bool {
	return len(got) == 0 && strings.HasPrefix(name, headPrefix+"scales.")
}

// explain adds the difference of architectures and a remedy.
func explain(e *swin.BindError, names *NameMap, src swin.Source, cfg Config) {
	if file, err := names.infer(src); err == nil {
		e.Differences = Differences(file, cfg)
	}
	tables := func(m swin.Mismatch) bool { return strings.HasSuffix(m.Name, ".relative_position_bias_table") }
	switch {
	case len(e.Missing) == 0 && len(e.Unexpected) == 0 && !slices.ContainsFunc(e.Mismatched, func(m swin.Mismatch) bool { return !tables(m) }):
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
func (w *Weights) Family() swin.Family { return w.family }

// Config returns the architecture the weights were bound to.
func (w *Weights) Config() Config { return w.cfg }

// Names returns the parameters in the order of Config.Params.
func (w *Weights) Names() []string { return slices.Clone(w.names) }

// Keys returns the tensors of the file that a parameter is made of; nil if there is
// no such parameter.
func (w *Weights) Keys(name string) []string {
	if rest, ok := strings.CutPrefix(name, bodyPrefix); ok {
		return w.body.Keys(rest)
	}
	if b, ok := w.bound[name]; ok {
		return []string{b.key}
	}
	return nil
}

// Ignored returns the tensors of the file that are of no use, with the reason.
func (w *Weights) Ignored() []swin.IgnoredKey { return slices.Clone(w.ignored) }

// Shape returns the shape of a parameter.
func (w *Weights) Shape(name string) (shape []int, ok bool) {
	if rest, ok := strings.CutPrefix(name, bodyPrefix); ok {
		return w.body.Shape(rest)
	}
	b, ok := w.bound[name]
	return slices.Clone(b.want), ok
}

// Tensor reads a parameter by its canonical name, for instance
// "rpn.head.dyhead_tower.2.DyConv.0.conv.weight": row-major, in the graph's order.
// The slices are the caller's to keep. Errors: [swin.ErrMissing] for a name that is
// no parameter, [swin.ErrNonFinite], and those of the source.
func (w *Weights) Tensor(name string) (shape []int, data []float32, err error) {
	if rest, ok := strings.CutPrefix(name, bodyPrefix); ok {
		shape, data, err = w.body.Tensor(rest)
		return shape, data, w.ofBody(err)
	}
	b, ok := w.bound[name]
	if !ok {
		return nil, nil, fmt.Errorf("glip: %w: the model has no parameter %q", swin.ErrMissing, name)
	}
	_, data, err = w.src.Tensor(b.key)
	if err != nil {
		return nil, nil, fmt.Errorf("glip: reading %s: %w", name, err)
	}
	if n := graph.Shape(b.want).Elements(); len(data) != n {
		return nil, nil, fmt.Errorf("glip: %s: %w: %d elements were read, %d declared", name, swin.ErrShape, len(data), n)
	}
	if bad, found := swin.FirstNonFinite(name, data); found && !w.opts.AllowNonFinite {
		problems := w.problems()
		problems.NonFinite, problems.Remedy = []swin.NonFinite{bad}, swin.NonFiniteRemedy
		return nil, nil, problems
	}
	return slices.Clone(b.want), data, nil
}

// ofBody puts the backbone's error under the detector's names.
func (w *Weights) ofBody(err error) error {
	var bad *swin.BindError
	switch {
	case errors.As(err, &bad):
		problems := w.problems()
		adopt(problems, bad)
		problems.Remedy = bad.Remedy
		return problems
	case err != nil:
		return fmt.Errorf("glip: the backbone: %w", err)
	}
	return nil
}

// Check reads every parameter and lists all that are not finite in one
// [*swin.BindError]; tensors that the source cannot read, and anchors of the file
// that are not the configuration's ([ErrAnchors]), are joined to it. It returns early
// when ctx is done.
func (w *Weights) Check(ctx context.Context) error {
	problems := w.problems()
	problems.Remedy = swin.NonFiniteRemedy
	var errs []error
	for _, name := range w.names {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("glip: checking weights: %w", err)
		}
		_, _, err := w.Tensor(name)
		var bad *swin.BindError
		if errors.As(err, &bad) && len(bad.NonFinite) > 0 {
			problems.NonFinite = append(problems.NonFinite, bad.NonFinite...)
		} else if err != nil {
			errs = append(errs, err)
		}
	}
	if len(problems.NonFinite) > 0 {
		errs = append(errs, problems)
	}
	return errors.Join(append(errs, w.checkAnchors())...)
}
