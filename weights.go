package glipvk

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/glipvk/glipvk/bind"
	"github.com/glipvk/glipvk/executor"
	"github.com/glipvk/glipvk/glip"
	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/loader"
	"github.com/glipvk/glipvk/swin"
	"github.com/glipvk/glipvk/synthetic"
	"github.com/glipvk/glipvk/world"
)

// weights are parameters by the paths of the recorded graph, on their way to an executor, and
// the file that they are in. What is wrong with them is collected, so that one error lists it all.
type weights struct {
	bind.Intake
	release func() error // nil where there is no file
	notes   []string
}

// Embedded names the weights that are in the program itself, those of the model glip-world, where else a file is named.
const Embedded = "embedded"

// OpenCheckpoint opens the checkpoint of a model, of it the entry that is named; "" for the
// usual. Where something that no family of checkpoints has stands before all names of the
// model, such as "net.", they are without it. notes say so, and what else a user should know of
// the file. Errors are those of [loader.Open]; among them is [loader.ErrChoice] where models stand side by side.
func OpenCheckpoint(path, entry string) (file *loader.Checkpoint, notes []string, err error) {
	o := loader.Options{Entry: entry}
	if path == Embedded {
		own := world.Weights()
		file, err = o.Read(own, own.Size(), path)
	} else {
		file, err = o.Open(path)
	}
	if err != nil {
		return nil, nil, err
	}
	if others := file.Others(); len(others) > 0 && entry == "" {
		notes = append(notes, fmt.Sprintf("the weights are those of %s; the file has %s too", cmp.Or(file.Wrapper(), "the object itself"), strings.Join(others, ", ")))
	}
	switch roots := swin.Roots(file); {
	case len(roots) == 0 || slices.Contains(roots, ""):
	case len(roots) == 1:
		all := len(file.Names())
		err = file.Narrow(roots[0])
		notes = append(notes, fmt.Sprintf("the names of the weights begin with %q, which is left out; %d of the file's %d tensors begin so", roots[0], len(file.Names()), all))
	default:
		for i, root := range roots {
			roots[i] = fmt.Sprintf("%s (%d tensors)", root, count(file.Names(), root))
		}
		err = &loader.Error{File: path, Kind: loader.ErrChoice, Detail: fmt.Sprintf("names begin with %s; name the one that is meant", strings.Join(roots, ", "))}
	}
	if err == nil {
		var suspicions []string
		suspicions, err = file.Suspicions()
		notes = append(notes, suspicions...)
	}
	if err != nil {
		return nil, nil, errors.Join(err, file.Close())
	}
	return file, notes, nil
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
	e, err := executor.Open(ctx, g, w, o.Executor())
	if bad := blame(w.Err()); bad != nil {
		if e != nil {
			bad = errors.Join(bad, e.Close())
		}
		return nil, bad
	}
	if bound, ok := w.From.(*bind.Weights); ok && err == nil {
		if zeros := bound.Zeros(); len(zeros) > 0 {
			w.notes = append(w.notes, fmt.Sprintf("%d of the weights are nothing but zeros, the first %s: was the whole file fetched?", len(zeros), zeros[0]))
		}
	}
	return e, err
}

// count is how many names begin with a prefix.
func count(names []string, prefix string) (n int) {
	for _, name := range names {
		if strings.HasPrefix(name, prefix) {
			n++
		}
	}
	return n
}

// find finds the weights that the options name: those of a formula, or those of a checkpoint, of
// which the index is read and bound.
func (o Options) find(make func(kind string, seed uint64) (bind.Tensors, error), bound func(bind.Source) (*bind.Weights, error)) (*weights, error) {
	seed, kind, err := formula(o.Weights)
	if err != nil {
		return nil, err
	}
	if kind != "" && o.WeightsEntry != "" {
		return nil, blame(fmt.Errorf("glipvk: an entry %q of weights by formula, which have none; name a checkpoint, or no entry", o.WeightsEntry))
	}
	if kind != "" {
		from, err := make(kind, seed)
		return &weights{Intake: bind.Intake{From: from}}, blame(err)
	}
	file, notes, err := OpenCheckpoint(o.Weights, o.WeightsEntry)
	if err != nil {
		return nil, blame(err)
	}
	from, err := bound(file)
	if err != nil {
		return nil, blame(errors.Join(err, file.Close()))
	}
	return &weights{bind.Intake{From: from}, file.Close, notes}, nil
}

// backboneWeights finds those of a backbone.
func backboneWeights(o BackboneOptions, cfg swin.Config) (*weights, error) {
	rule := bind.Refuse
	if o.ResizeTables {
		rule = bind.Geometric
	}
	return o.find(func(kind string, seed uint64) (bind.Tensors, error) {
		if kind == random {
			return nil, fmt.Errorf("glipvk: weights %q are a detector's to be trained, and a backbone is not; want a checkpoint or synthetic:SEED", o.Weights)
		}
		return synthetic.Weights{Seed: seed}, nil
	},
		func(src bind.Source) (*bind.Weights, error) {
			return swin.Bind(src, cfg, bind.Options{Resize: rule, AllowNonFinite: o.AllowNonFinite})
		})
}

// detectorWeights finds those of a detector. Those of the formula are bound like an official checkpoint. A
// table of prompt tuning that a file has becomes a part of the architecture.
func detectorWeights(o DetectorOptions, cfg *glip.Config) (*weights, error) {
	bound := func(src bind.Source) (*bind.Weights, error) {
		return glip.Bind(src, *cfg, bind.Options{AllowNonFinite: o.AllowNonFinite})
	}
	return o.find(func(kind string, seed uint64) (bind.Tensors, error) {
		var tensors []synthetic.Declared
		for _, p := range glip.OfficialParams(*cfg) {
			tensors = append(tensors, synthetic.Declared(p))
		}
		src, err := synthetic.NewCheckpoint(tensors, synthetic.Detector{Seed: seed, Overrides: o.Overrides, Initial: kind == random})
		if err != nil {
			return nil, err
		}
		return bound(src)
	}, func(src bind.Source) (*bind.Weights, error) {
		if len(o.Overrides) > 0 {
			return nil, errors.New("glipvk: overrides replace synthetic weights, and these are of a checkpoint; leave them out")
		}
		if rows := glip.PromptRows(src); rows > 0 {
			cfg.PromptRows = rows
		}
		return bound(src)
	})
}

// WeightsName is Weights in one spelling: weights by formula are "synthetic:SEED" or "random:SEED", also where nothing is said.
func (o Options) WeightsName() string {
	if seed, kind, err := formula(o.Weights); kind != "" && err == nil {
		return fmt.Sprintf("%s:%d", kind, seed)
	}
	return o.Weights
}

// The kinds of weights by formula.
const (
	made   = "synthetic" // of the specification
	random = "random"    // what a training begins with
)

// formula reads "", "synthetic", "synthetic:SEED" and "random:SEED"; kind is "" for a path.
func formula(s string) (seed uint64, kind string, err error) {
	name, number, given := strings.Cut(cmp.Or(s, made), ":")
	switch {
	case name != made && name != random || name == random && !given:
		return 0, "", nil
	case !given:
		return 0, made, nil
	}
	seed, err = strconv.ParseUint(number, 10, 64)
	if err != nil {
		return 0, name, blame(fmt.Errorf("glipvk: weights %q: the seed must be a whole number from 0 to 2^64-1", s))
	}
	return seed, name, nil
}
