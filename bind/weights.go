package bind

import (
	"fmt"
	"slices"
	"sync"
)

// Weights gives the tensors of a model by the names of its recorded graph, read from
// the source when asked for. It may be used from several goroutines if its source may.
type Weights struct {
	src     Source
	model   string
	family  Family
	opts    Options
	names   []string // in the order of the graph
	bound   map[string]binding
	ignored []IgnoredKey
	room    sync.Pool // of *[]float32 that were released
	zeros   sync.Map  // names of matrices that were read and are zeros, or in part
}

// binding is a parameter and what makes it of its tensors.
type binding struct {
	Parameter
	forms []Form // of each key, nil for one that is taken as it is
}

// problems is an empty list of problems.
func (w *Weights) problems() *Error {
	return &Error{Model: w.model, File: FileName(w.src), Family: w.family}
}

// Family returns the family of the file.
func (w *Weights) Family() Family { return w.family }

// Names returns the parameters in the order of the recorded graph.
func (w *Weights) Names() []string { return slices.Clone(w.names) }

// Keys returns the tensors of the file that a parameter is made of: one, or several
// where the family keeps apart what the graph has in one; nil if there is no such
// parameter.
func (w *Weights) Keys(name string) []string { return slices.Clone(w.bound[name].Keys) }

// Ignored returns the tensors of the file that are of no use, with the reason.
func (w *Weights) Ignored() []IgnoredKey { return slices.Clone(w.ignored) }

// Shape returns the shape of a parameter.
func (w *Weights) Shape(name string) (shape []int, ok bool) {
	b, ok := w.bound[name]
	return slices.Clone(b.Shape), ok
}

// Tensor reads a parameter by its path in the recorded graph, for instance
// "stages.0.blocks.1.attn.w_msa.qkv.weight": row-major, in the graph's order. shape is
// what the graph says. The slice is the caller's; [Weights.Release] takes it back when
// it has been used. Errors: [ErrMissing] for a name that is no parameter, [ErrShape],
// [ErrNonFinite], and those of the source.
func (w *Weights) Tensor(name string, shape []int) ([]float32, error) {
	data, _, err := w.tensor(name, shape)
	return data, err
}

// tensor is Tensor; it returns the largest magnitude too.
func (w *Weights) tensor(name string, shape []int) (data []float32, largest float32, err error) {
	b, ok := w.bound[name]
	switch {
	case !ok:
		return nil, 0, fmt.Errorf("%s: %w: the model has no parameter %q", w.model, ErrMissing, name)
	case !slices.Equal(shape, b.Shape):
		return nil, 0, fmt.Errorf("%s: %s: %w: the file has %v, the graph wants %v", w.model, name, ErrShape, b.Shape, shape)
	}
	data = w.take(elements(b.Shape))
	if err := w.read(b, data); err != nil {
		return nil, 0, fmt.Errorf("%s: reading %s: %w", w.model, name, err)
	}
	largest = Largest(data)
	if !finite(largest) && !w.opts.AllowNonFinite {
		problems := w.problems()
		problems.NonFinite, problems.Remedy = []NonFinite{locate(name, data)}, nonFiniteRemedy
		return nil, 0, problems
	}
	if largest == 0 && len(shape) > 1 {
		w.zeros.Store(name, nil)
	}
	return data, largest, nil
}

// Zeros returns the parameters of two axes or more that were read and are nothing but zeros, or in
// which [Weights.Check] met thousands of them in a row, in the order of the graph. Training leaves none
// so: parts of the file were perhaps never written.
func (w *Weights) Zeros() []string {
	var names []string
	for _, name := range w.names {
		if _, zero := w.zeros.Load(name); zero {
			names = append(names, name)
		}
	}
	return names
}

const nonFiniteRemedy = "the file is damaged or its training diverged: download it again or use another"

// read assembles a parameter from its tensors.
func (w *Weights) read(b binding, into []float32) error {
	share, at := elements(b.share()), 0
	for i, key := range b.Keys {
		part := into[at:][:share]
		at += share
		if b.forms[i] == nil {
			if err := w.src.Read(key, part); err != nil {
				return err
			}
			continue
		}
		shape, _ := w.src.Shape(key)
		stored := make([]float32, elements(shape))
		if err := w.src.Read(key, stored); err != nil {
			return err
		}
		copy(part, b.forms[i](stored))
	}
	if b.Order != nil {
		b.Order(into)
	}
	return nil
}

// take returns room for n numbers, of a tensor that was released if there is one.
func (w *Weights) take(n int) []float32 {
	if room, ok := w.room.Get().(*[]float32); ok && cap(*room) >= n {
		return (*room)[:n]
	}
	return make([]float32, n)
}

// Release takes back a slice that Tensor returned, for the next tensor: reading a model
// then leaves no garbage that grows with it. Nobody may use the slice afterwards. It is
// for a caller that copies every tensor elsewhere; nobody has to call it.
func (w *Weights) Release(data []float32) { w.room.Put(&data) }

// elements is the product of a shape.
func elements(shape []int) int {
	n := 1
	for _, side := range shape {
		n *= side
	}
	return n
}
