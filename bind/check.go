package bind

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// MaxFloat16 is the largest number that 16 bits hold. A larger weight cannot be
// stored in f16.
const MaxFloat16 = 65504

// Report says what the values of a model are like.
type Report struct {
	Largest float32 `json:"largest"` // magnitude
	Name    string  `json:"name"`    // of the parameter that has it, "" if all are unfit
}

// Check reads every parameter. One [*Error] lists all that are not finite; tensors that
// the source cannot read are joined to it. It returns early when ctx is done.
func (w *Weights) Check(ctx context.Context) (Report, error) {
	var r Report
	var in Intake
	for _, name := range w.names {
		if err := ctx.Err(); err != nil {
			return r, fmt.Errorf("%s: checking weights: %w", w.model, err)
		}
		data, largest, err := w.tensor(name, w.bound[name].Shape)
		if in.note(err); err == nil {
			if shape := w.bound[name].Shape; len(shape) > 1 && hole(data) {
				w.zeros.Store(name, nil)
			}
			if finite(largest) && largest >= r.Largest {
				r = Report{largest, name}
			}
			w.Release(data)
		}
	}
	return r, in.Err()
}

// holeSize is how many zeros in a row training does not leave: four pages of a file.
const holeSize = 1 << 12

// hole says whether so many stand together.
func hole(data []float32) bool {
	run := 0
	for at := holeSize - 1; at < len(data); at += holeSize - run { // the last of a run that would begin behind what was seen
		for run = 0; run < holeSize && data[at-run] == 0; run++ {
		}
		if run == holeSize {
			return true
		}
	}
	return false
}

// Tensors supplies parameters by the paths of the recorded graph; [*Weights] and
// formulas do.
type Tensors interface {
	Tensor(name string, shape []int) ([]float32, error)
}

// Intake hands tensors on while an executor takes them in, and collects what is wrong
// with them, so that one error lists it all. It may be used from several goroutines if
// From may.
type Intake struct {
	From Tensors

	mu        sync.Mutex
	nonFinite *Error
	errs      []error
}

// Tensor gives zeros for a tensor that is not fit for use; [Intake.Err] says why.
func (i *Intake) Tensor(name string, shape []int) ([]float32, error) {
	data, err := i.From.Tensor(name, shape)
	if err == nil {
		return data, nil
	}
	i.note(err)
	return make([]float32, elements(shape)), nil
}

// Release hands a tensor back that has been used; see [Weights.Release].
func (i *Intake) Release(data []float32) {
	if w, ok := i.From.(interface{ Release([]float32) }); ok {
		w.Release(data)
	}
}

// note adds what is wrong with a tensor.
func (i *Intake) note(err error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	var bad *Error
	switch {
	case err == nil:
	case !errors.As(err, &bad) || len(bad.NonFinite) == 0:
		i.errs = append(i.errs, err)
	case i.nonFinite == nil:
		i.nonFinite = bad
	default:
		i.nonFinite.NonFinite = append(i.nonFinite.NonFinite, bad.NonFinite...)
	}
}

// Err is what was wrong with all tensors handed on.
func (i *Intake) Err() error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.nonFinite == nil {
		return errors.Join(i.errs...)
	}
	return errors.Join(append(i.errs, i.nonFinite)...)
}
