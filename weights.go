package glipvk

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/glipvk/glipvk/bind"
	"github.com/glipvk/glipvk/executor"
	"github.com/glipvk/glipvk/glip"
	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/loader"
	"github.com/glipvk/glipvk/swin"
	"github.com/glipvk/glipvk/synthetic"
)

// weights are parameters by the paths of the recorded graph, on their way to an executor, and
// the file that they are in. What is wrong with them is collected, so that one error lists it all.
type weights struct {
	bind.Intake
	release func() error // nil where there is no file
}

// Close gives the file back; the executor calls it.
func (w *weights) Close() error {
	if w.release == nil {
		return nil
	}
	return w.release()
}

// open readies an executor with the weights of g.
func (w *weights) open(ctx context.Context, g *graph.Graph, o Options) (*executor.Executor, error) {
	e, err := executor.Open(ctx, g, w, o.executor())
	if bad := blame(w.Err()); bad != nil {
		if e != nil {
			bad = errors.Join(bad, e.Close())
		}
		return nil, bad
	}
	return e, err
}

// backboneWeights finds the weights that the options name. Of a checkpoint the index is read
// and bound.
func backboneWeights(o BackboneOptions, cfg swin.Config) (*weights, error) {
	seed, formula, err := syntheticSeed(o.Weights)
	if err != nil {
		return nil, err
	}
	if formula {
		return &weights{Intake: bind.Intake{From: synthetic.Weights{Seed: seed}}}, nil
	}
	file, err := loader.Open(o.Weights)
	if err != nil {
		return nil, blame(err)
	}
	rule := bind.Refuse
	if o.ResizeTables {
		rule = bind.Geometric
	}
	bound, err := swin.Bind(file, cfg, bind.Options{Resize: rule, AllowNonFinite: o.AllowNonFinite})
	if err != nil {
		return nil, blame(errors.Join(err, file.Close()))
	}
	return &weights{bind.Intake{From: bound}, file.Close}, nil
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
	var src bind.Source
	release := func() error { return nil }
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
	bound, err := glip.Bind(src, cfg, bind.Options{AllowNonFinite: o.AllowNonFinite})
	if err != nil {
		return nil, blame(errors.Join(err, release()))
	}
	return &weights{bind.Intake{From: bound}, release}, nil
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
