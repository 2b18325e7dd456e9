package rewrite

import (
	"fmt"
	"strings"

	"github.com/glipvk/glipvk/graph"
)

// Adapter is a product of two thin matrices beside a weight W [N, K...]: what was x Wᵀ + b is that + Scale (x Aᵀ) Bᵀ
// ("LoRA: Low-Rank Adaptation of Large Language Models", Hu et al. 2021).
type Adapter struct {
	Weight string // path of W
	A, B   string // paths of A [R, K] and B [N, R]
	N, K   int
	R      int // rank
	Scale  float64
}

// Merge is W + Scale B A of the values of the three, row-major; w is unchanged.
func (a Adapter) Merge(w, down, up []float32) []float32 {
	merged := make([]float32, len(w))
	row := make([]float64, a.K)
	for n := range a.N {
		clear(row)
		for r := range a.R {
			by := float64(up[n*a.R+r])
			for k, v := range down[r*a.K:][:a.K] {
				row[k] += by * float64(v)
			}
		}
		for k, v := range row {
			merged[n*a.K+k] = float32(float64(w[n*a.K+k]) + a.Scale*v)
		}
	}
	return merged
}

// Adapt gives the weight of every [graph.Linear] whose path matches one of the globs (see [graph.Graph.Match]) an adapter of a
// rank, at most the smaller side of the weight, and of the scale alpha / rank. Its matrices are parameters at the path of the
// operation and "adapter.a" and "adapter.b". Where a weight has several readers all are adapted. What was an output stays one. g is
// not changed. Errors say which glob matches no Linear, or which weight something else reads.
func Adapt(g *graph.Graph, rank int, alpha float64, globs ...string) (*graph.Graph, []Adapter, error) {
	if rank < 1 || !(alpha > 0) || alpha-alpha != 0 {
		return nil, nil, fmt.Errorf("rewrite: adapters of rank %d and alpha %g, want at least 1 and a number above 0", rank, alpha)
	}
	at, err := adapted(g, globs)
	if err != nil {
		return nil, nil, err
	}
	w := newWriter(g)
	var list []Adapter
	known := map[graph.ID]Adapter{}
	for i, n := range g.Nodes {
		id := graph.ID(i)
		if _, linear := n.Op.(graph.Linear); !linear || !at[n.Inputs[1]] {
			w.copy(id)
			continue
		}
		a, there := known[n.Inputs[1]]
		if !there {
			a = adapter(g.Nodes[n.Inputs[1]], rank, alpha)
			known[n.Inputs[1]], list = a, append(list, a)
		}
		w.adapt(id, a)
	}
	for _, id := range g.Outputs {
		w.out.Output(w.to[id])
	}
	out, err := w.out.Build()
	if err != nil {
		return nil, nil, fmt.Errorf("rewrite: %w", err)
	}
	return out, list, nil
}

// adapted says which weights get an adapter.
func adapted(g *graph.Graph, globs []string) (map[graph.ID]bool, error) {
	at := map[graph.ID]bool{}
	for _, glob := range globs {
		ids, err := g.Match(glob)
		if err != nil {
			return nil, err
		}
		met := false
		for _, id := range ids {
			if _, linear := g.Nodes[id].Op.(graph.Linear); !linear {
				continue
			}
			weight := g.Nodes[id].Inputs[1]
			if _, stored := g.Nodes[weight].Op.(graph.Param); stored {
				at[weight], met = true, true
			}
		}
		if !met {
			return nil, fmt.Errorf("rewrite: no linear map with a weight matches %q, such as rpn.head.dyhead_tower.*.b_attn.attn.* does in GLIP", glob)
		}
	}
	for _, n := range g.Nodes {
		for k, operand := range n.Inputs {
			if _, linear := n.Op.(graph.Linear); at[operand] && !(linear && k == 1) {
				return nil, fmt.Errorf("rewrite: %s gets no adapter: %s reads it too, which is no linear map", g.Nodes[operand].Path, n.Path)
			}
		}
	}
	return at, nil
}

// adapter is that of a weight.
func adapter(weight graph.Node, rank int, alpha float64) Adapter {
	path := strings.TrimSuffix(weight.Path, ".weight") + ".adapter."
	n := weight.Shape[0]
	k := weight.Shape.Elements() / n
	return Adapter{Weight: weight.Path, A: path + "a", B: path + "b", N: n, K: k, R: min(rank, n, k), Scale: alpha / float64(rank)}
}

// adapt writes a linear map with an adapter beside it.
func (w *writer) adapt(id graph.ID, a Adapter) {
	n := w.graph.Nodes[id]
	in := make([]graph.Value, len(n.Inputs))
	for i, operand := range n.Inputs {
		in[i] = w.to[operand]
	}
	scope := strings.TrimSuffix(a.A, ".a")
	params := w.out.In(scope)
	down, up := params.Param("a", a.R, a.K), params.Param("b", a.N, a.R)
	at := func(leaf string) *graph.Builder { return w.out.In(w.free(scope + "." + leaf)) }
	plain := at("plain").Record(n.Op, in...)
	y := at("down").Record(graph.Linear{}, in[0], down)
	y = at("up").Record(graph.Linear{}, y, up)
	w.write(id, graph.Add{}, plain, at("scaled").Record(graph.Scale{Factor: a.Scale}, y))
}
