package convert

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/bind"
	"github.com/glipvk/glipvk/executor"
	"github.com/glipvk/glipvk/loader"
)

// Options say what becomes of a checkpoint. The zero value keeps names and element types.
type Options struct {
	Entry      string    // of a file with several sets of weights, as [glipvk.OpenCheckpoint] takes it: "model_ema" for the averages
	Names      Names     // "" for those of the file's family
	Precision  Precision // "" for that of each tensor of the file; 64 bits become 32
	Prompt     Prompt    // "" for [Keep]
	Backbone   bool      // the Swin backbone alone, of a detector or of a classifier
	OutIndices []int     // of a backbone, the stages whose norms are written; nil for all that the file has

	// Card is what the file is to say of a detector: what is set counts before what the file says. Config is needed
	// where the file says nothing and is of no published size.
	Card glipvk.Card

	AllowNonFinite bool // let NaN and infinity pass
	Force          bool // replace a file that is there
}

// Precision is an element type.
type Precision string

// The precisions. Values are rounded to the nearest, ties to even; those too large for 16 bits are refused.
const (
	F32  Precision = "f32"
	F16  Precision = "f16"
	BF16 Precision = "bf16" // the range of f32, and 8 bits of a number
)

// Precisions lists them.
func Precisions() []Precision { return []Precision{F32, F16, BF16} }

// dtype is the element type of files; false for no precision.
func (p Precision) dtype() (d loader.DType, ok bool) {
	d, ok = map[Precision]loader.DType{F32: loader.Float32, F16: loader.Float16, BF16: loader.BFloat16}[p]
	return d, ok
}

// Report says what was written.
type Report struct {
	Path    string      `json:"path"`
	From    bind.Family `json:"from"`
	Family  bind.Family `json:"family"`
	Tensors int         `json:"tensors"`
	Bytes   int64       `json:"bytes"`
	Types   []string    `json:"types"`           // of elements
	Notes   []string    `json:"notes,omitempty"` // what a user should know: what was chosen of the file, and left out
}

// File writes the weights of the checkpoint at in to out: as a safetensors file where its name ends so, as torch.save does
// where it ends with .pth, .pt or .bin. After an error nothing is there that was not there before. An error that the
// input or the options cause wraps [glipvk.ErrInput].
func File(ctx context.Context, in, out string, o Options) (r Report, err error) {
	kind, err := container(out)
	if err != nil {
		return r, executor.Blame(err)
	}
	src, notes, err := glipvk.OpenCheckpoint(in, o.Entry)
	if err != nil {
		return r, executor.Blame(err)
	}
	defer func() { err = errors.Join(err, src.Close()) }()
	if err := place(src.Files(), out, o.Force); err != nil {
		return r, executor.Blame(err)
	}
	m, err := read(src, o)
	if err != nil {
		return r, executor.Blame(err)
	}
	m.notes = append(notes, m.notes...)
	w, err := m.written(ctx, o)
	if err != nil {
		return r, executor.Blame(err)
	}
	if err := w.save(out, kind); err != nil {
		return r, err
	}
	info, err := os.Stat(out)
	if err != nil {
		return r, err
	}
	return Report{
		Path: out, From: m.weights.Family(), Family: w.form.family(m.detector != nil), Tensors: len(w.list), Bytes: info.Size(), Types: w.types(), Notes: m.notes,
	}, nil
}

// written is what is to be written, with all that can be found out before the first byte.
func (m *model) written(ctx context.Context, o Options) (*output, error) {
	f, err := find(o.Names, m.weights.Family())
	if err != nil {
		return nil, err
	}
	asked, given := o.Precision.dtype()
	if o.Precision != "" && !given {
		return nil, fmt.Errorf("convert: precision %q, want one of %q, or none for that of the file", o.Precision, Precisions())
	}
	if m.detector != nil && f.detector == "" {
		return nil, m.headless(f)
	}
	w := &output{ctx: ctx, form: f, weights: bind.Intake{From: m.weights}}
	params := m.parameters()
	if params, err = m.prompt(w, params, o); err != nil {
		return nil, err
	}
	var unnamed []string
	for _, p := range params {
		stored, ok := f.store(m, p.name, p.shape)
		if !ok {
			unnamed = append(unnamed, p.name)
			continue
		}
		d := asked
		if !given {
			d = m.dtype(p.from)
		}
		w.add(p, stored, d)
	}
	if len(unnamed) > 0 {
		return nil, fmt.Errorf("convert: files of %s have no names for %d of the tensors of %s: %s; %s", f.names, len(unnamed), m.src.Path(), bind.Some(unnamed), m.outputs())
	}
	if err := w.check(m); err != nil {
		return nil, err
	}
	w.said, err = m.says(o)
	return w, err
}

// headless refuses to write a whole detector under names that are of backbones.
func (m *model) headless(f form) error {
	var beside []string
	for _, p := range m.parameters() {
		if !strings.HasPrefix(p.name, body) {
			beside = append(beside, p.name)
		}
	}
	return fmt.Errorf("convert: files of %s hold backbones, and have no names for %d of the tensors of %s, a whole detector: %s; ask for its backbone alone (Options.Backbone), or for names of a detector", f.names, len(beside), m.src.Path(), bind.Some(beside))
}

// outputs is what helps against norms without a name.
func (m *model) outputs() string {
	last := m.backbone.Stages() - 1
	if len(m.backbone.OutIndices) > 1 {
		return fmt.Sprintf("ask for the output of the last stage alone (OutIndices %d), or for other names", last)
	}
	return "ask for other names"
}
