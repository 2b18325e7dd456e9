package train

import (
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"strings"

	"github.com/glipvk/glipvk/executor"
	"github.com/glipvk/glipvk/glip"
	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/rewrite"
)

// LowRank says which linear maps get an adapter of low rank ([rewrite.Adapt]) in mode [Adapters], which trains those and nothing
// else. The original has no such mode. At the start they change nothing; what is saved has them in the weights that they adapt.
type LowRank struct {
	Globs []string // of the paths of the maps, such as "rpn.head.dyhead_tower.*.b_attn.attn.*"
	Rank  int
	Alpha float64 // they are scaled with Alpha / Rank
}

// adapt gives a graph of the detector its adapters.
func (l LowRank) adapt(g *graph.Graph) (*graph.Graph, []rewrite.Adapter, error) {
	g, list, err := rewrite.Adapt(g, l.Rank, l.Alpha, l.Globs...)
	if err != nil {
		err = fmt.Errorf("train: %w: %w", ErrOptions, err)
	}
	return g, list, err
}

// adapted says whether a part of the detector has adapters.
func (t *Trainer) adapted(prefix string) bool {
	for _, a := range t.adapters {
		if strings.HasPrefix(a.Weight, prefix) {
			return true
		}
	}
	return false
}

// chance are the rates of what a step leaves out. Parts without adapters leave out nothing in their mode.
func (t *Trainer) chance() glip.Random {
	r := t.options.Mode.random(t.options.Random)
	if t.options.Mode != Adapters {
		return r
	}
	if !t.adapted("backbone.body.") {
		r.DropPath = 0
	}
	if !t.adapted("backbone.fpn.") {
		r.DropBlock = 0
	}
	if !t.adapted("language_backbone.") {
		r.Language = 0
	}
	if !t.adapted("rpn.") {
		r.Tower = 0
	}
	return r
}

// beginning is a source that has adapters too, as they are before the first step: A by chance, as large as what torch.nn.Linear
// begins with, and B nothing.
type beginning struct {
	executor.Source
	adapters []rewrite.Adapter
	seed     int
}

// Tensor reads one.
func (b beginning) Tensor(name string, shape []int) ([]float32, error) {
	for _, a := range b.adapters {
		switch name {
		case a.A:
			return uniform(b.seed, name, a.R*a.K, 1/math.Sqrt(float64(a.K))), nil
		case a.B:
			return make([]float32, a.N*a.R), nil
		}
	}
	return b.Source.Tensor(name, shape)
}

// uniform are n numbers from -limit to limit, a function of a seed and a name.
func uniform(seed int, name string, n int, limit float64) []float32 {
	h := fnv.New64a()
	h.Write([]byte(name))
	dice := rand.NewPCG(uint64(seed), h.Sum64())
	list := make([]float32, n)
	for i := range list {
		list[i] = float32(limit * (float64(dice.Uint64()>>40)/(1<<23) - 1))
	}
	return list
}

// merge puts the adapters of a weight into it; now reads what is trained.
func (t *Trainer) merge(p glip.Param, data []float32, now func(name string) ([]float32, error)) ([]float32, error) {
	for _, a := range t.adapters {
		if a.Weight != p.Name {
			continue
		}
		down, err := now(a.A)
		if err != nil {
			return nil, err
		}
		up, err := now(a.B)
		if err != nil {
			return nil, err
		}
		return a.Merge(data, down, up), nil
	}
	return data, nil
}
