package glipvk

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/glipvk/glipvk/bind"
	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/loader"
	"github.com/glipvk/glipvk/swin"
	"github.com/glipvk/glipvk/synthetic"
)

// source supplies parameters by the paths of the recorded graph.
type source interface {
	Tensor(name string, shape []int) ([]float32, error)
}

// openWeights finds the weights that [Options].Weights names. Of a checkpoint the
// index is read and bound; the closer is nil for synthetic weights.
func openWeights(o Options, cfg swin.Config) (source, func() error, error) {
	if seed, ok, err := syntheticSeed(o.Weights); ok || err != nil {
		return synthetic.Weights{Seed: seed}, func() error { return nil }, err
	}
	file, err := loader.Open(o.Weights)
	if err != nil {
		return nil, nil, blame(err)
	}
	rule := bind.Refuse
	if o.ResizeTables {
		rule = bind.Geometric
	}
	bound, err := swin.Bind(file, cfg, bind.Options{Resize: rule, AllowNonFinite: o.AllowNonFinite})
	if err != nil {
		return nil, nil, blame(errors.Join(err, file.Close()))
	}
	return bound, file.Close, nil
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

// inMemory holds all parameters of a model.
type inMemory map[string][]float32

// load reads every parameter of g.
func load(ctx context.Context, g *graph.Graph, src source, progress func(done, total int64)) (inMemory, error) {
	m := inMemory{}
	total, done := g.Count().Parameters, int64(0)
	for _, id := range g.Params() {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		n := g.Nodes[id]
		data, err := src.Tensor(n.Path, n.Shape)
		if err != nil {
			return nil, err
		}
		m[n.Path] = data
		done += int64(len(data))
		progress(done, total)
	}
	return m, nil
}

// Tensor implements source.
func (m inMemory) Tensor(name string, _ []int) ([]float32, error) {
	data, ok := m[name]
	if !ok {
		return nil, fmt.Errorf("glipvk: the model has no parameter %q", name)
	}
	return data, nil
}
