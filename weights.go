package glipvk

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/glipvk/glipvk/executor"
	"github.com/glipvk/glipvk/glip"
	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/loader"
	"github.com/glipvk/glipvk/swin"
	"github.com/glipvk/glipvk/synthetic"
)

// weights are parameters by the paths of the recorded graph. It collects what is wrong with
// them while an executor takes them in, so that one error lists it all.
type weights struct {
	tensor    func(name string, shape []int) ([]float32, error)
	release   func() error
	nonFinite *swin.BindError
	errs      []error
}

// Tensor implements [executor.Source]. It gives zeros for a tensor that is not fit for use.
func (w *weights) Tensor(name string, shape []int) ([]float32, error) {
	data, err := w.tensor(name, shape)
	var bad *swin.BindError
	switch {
	case err == nil:
		return data, nil
	case errors.As(err, &bad) && len(bad.NonFinite) > 0:
		if w.nonFinite == nil {
			w.nonFinite = &swin.BindError{File: bad.File, Family: bad.Family, Remedy: bad.Remedy}
		}
		w.nonFinite.NonFinite = append(w.nonFinite.NonFinite, bad.NonFinite...)
	default:
		w.errs = append(w.errs, err)
	}
	return make([]float32, graph.Shape(shape).Elements()), nil
}

// Close gives the file back; the executor calls it.
func (w *weights) Close() error { return w.release() }

// verdict is the error about all tensors handed on.
func (w *weights) verdict() error {
	errs := w.errs
	if w.nonFinite != nil {
		errs = append(errs, w.nonFinite)
	}
	return blame(errors.Join(errs...))
}

// ready opens the executor with the weights of g.
func (w *weights) ready(ctx context.Context, g *graph.Graph, o Options) (*executor.Executor, error) {
	e, err := executor.Open(ctx, g, w, o.executor())
	if bad := w.verdict(); bad != nil {
		if e != nil {
			bad = errors.Join(bad, e.Close())
		}
		return nil, bad
	}
	return e, err
}

// none releases what takes no file.
func none() error { return nil }

// backboneWeights finds the weights that the options name. Of a checkpoint the index is read
// and bound.
func backboneWeights(o BackboneOptions, cfg swin.Config) (*weights, error) {
	seed, formula, err := syntheticSeed(o.Weights)
	if err != nil {
		return nil, err
	}
	if formula {
		return &weights{tensor: synthetic.Weights{Seed: seed}.Tensor, release: none}, nil
	}
	file, err := loader.Open(o.Weights)
	if err != nil {
		return nil, blame(err)
	}
	rule := swin.RefuseTables
	if o.ResizeTables {
		rule = swin.ResizeGeometry
	}
	bound, err := swin.Bind(file, cfg, swin.BindOptions{ResizeTables: rule, AllowNonFinite: o.AllowNonFinite})
	if err != nil {
		return nil, blame(errors.Join(err, file.Close()))
	}
	return &weights{tensor: func(name string, _ []int) ([]float32, error) {
		_, data, err := bound.Tensor(name)
		return data, err
	}, release: file.Close}, nil
}

// detectorWeights finds the weights that the options name. Of a checkpoint the index is read
// and bound; synthetic weights are bound like an official checkpoint.
func detectorWeights(o DetectorOptions, cfg glip.Config) (*weights, error) {
	seed, formula, err := syntheticSeed(o.Weights)
	if err != nil {
		return nil, err
	}
	if !formula && len(o.Overrides) > 0 {
		return nil, blame(errors.New("glipvk: overrides replace synthetic weights, and these are of a checkpoint; leave them out"))
	}
	var src swin.Source
	release := none
	if formula {
		var tensors []synthetic.Declared
		for _, p := range glip.OfficialParams(cfg) {
			tensors = append(tensors, synthetic.Declared(p))
		}
		src, err = synthetic.NewCheckpoint(tensors, synthetic.Detector{Seed: seed, Overrides: o.Overrides})
		if err != nil {
			return nil, blame(err)
		}
	} else {
		file, err := loader.Open(o.Weights)
		if err != nil {
			return nil, blame(err)
		}
		src, release = file, file.Close
	}
	bound, err := glip.Bind(src, cfg, swin.BindOptions{AllowNonFinite: o.AllowNonFinite})
	if err != nil {
		return nil, blame(errors.Join(err, release()))
	}
	return &weights{tensor: func(name string, _ []int) ([]float32, error) {
		_, data, err := bound.Tensor(name)
		return data, err
	}, release: release}, nil
}

// syntheticSeed reads "", "synthetic" and "synthetic:SEED"; ok is false for a path.
func syntheticSeed(s string) (seed uint64, ok bool, err error) {
	if s == "" {
		return 0, true, nil
	}
	name, number, given := strings.Cut(s, ":")
	if name != "synthetic" {
		return 0, false, nil
	}
	if !given {
		return 0, true, nil
	}
	seed, err = strconv.ParseUint(number, 10, 64)
	if err != nil {
		return 0, true, blame(fmt.Errorf("glipvk: weights %q: the seed must be a whole number from 0 to 2^64-1", s))
	}
	return seed, true, nil
}
