package glip_test

import (
	"encoding/json"
	"math"
	"slices"
	"testing"

	"github.com/glipvk/glipvk/cpu"
	"github.com/glipvk/glipvk/glip"
	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/internal/difftest"
	"github.com/glipvk/glipvk/internal/goldtrain"
)

// lossMistakes are variants that are really made, in the targets or in the graph.
func lossMistakes() map[string]func(of lossCase, t *glip.Targets, g *graph.Graph) {
	targets := func(f func(of lossCase, t *glip.Targets)) func(lossCase, *glip.Targets, *graph.Graph) {
		return func(of lossCase, t *glip.Targets, _ *graph.Graph) { f(of, t) }
	}
	positives := func(t *glip.Targets) (n float32) {
		for _, w := range t.Weight {
			if w > 0 {
				n++
			}
		}
		return max(n, 1)
	}
	return map[string]func(lossCase, *glip.Targets, *graph.Graph){
		"token loss: alpha for the negatives": func(_ lossCase, _ *glip.Targets, g *graph.Graph) {
			focal(g, graph.TokenFocalLoss{Alpha: 0.75, Gamma: 2})
		},
		"token loss: gamma 1": func(_ lossCase, _ *glip.Targets, g *graph.Graph) {
			focal(g, graph.TokenFocalLoss{Alpha: 0.25, Gamma: 1})
		},
		"token loss: padding not masked": targets(func(_ lossCase, t *glip.Targets) {
			for i := range t.Mask {
				t.Mask[i] = 1
			}
		}),
		"token loss: no no-object column (last token never a target)": targets(func(of lossCase, t *glip.Targets) {
			s := of.size()
			for item := range s.Batch {
				t.Positive[item*(1+s.Objects)*s.Tokens+s.Tokens-1] = 0
			}
		}),
		"normaliser: number of boxes": targets(func(of lossCase, t *glip.Targets) {
			boxes := 0
			for _, list := range of.Boxes {
				boxes += len(list)
			}
			t.PerPositive = 1 / float32(boxes)
		}),
		"regression: weight 1 instead of 2": targets(func(_ lossCase, t *glip.Targets) { t.PerWeight /= 2 }),
		"regression: weighted, but divided by the number of positives": targets(func(_ lossCase, t *glip.Targets) {
			t.PerWeight = 2 / positives(t)
		}),
	}
}

// focal gives the token loss other settings, and its gradient.
func focal(g *graph.Graph, o graph.TokenFocalLoss) {
	for i, n := range g.Nodes {
		switch n.Op.(type) {
		case graph.TokenFocalLoss:
			g.Nodes[i].Op = o
		case graph.TokenFocalLossGradX:
			g.Nodes[i].Op = graph.TokenFocalLossGradX{TokenFocalLoss: o}
		}
	}
}

// TestLossMistakesGolden makes mistakes of the original's variants in our losses and wants a case to be moved beyond what is accepted,
// and every loss as far as the manifest says: else it would be another mistake.
func TestLossMistakesGolden(t *testing.T) {
	cases, variants := goldtrain.Cases(t, "loss"), goldtrain.Variants(t, "gradients")
	cfg, err := glip.Preset("glip-t")
	if err != nil {
		t.Fatal(err)
	}
	e := difftest.FastCPU{Title: "cpu", Instructions: cpu.Available()[0]}
	for name, change := range lossMistakes() {
		t.Run(name, func(t *testing.T) {
			i := slices.IndexFunc(variants, func(v goldtrain.Variant) bool { return v.Name == name })
			if i < 0 {
				t.Skip("the folder has no such variant")
			}
			var moved map[string]goldtrain.LossMoved
			if err := json.Unmarshal(variants[i].Losses, &moved); err != nil {
				t.Fatal(err)
			}
			beyond := 0
			for _, c := range cases {
				var of lossCase
				c.Into(t, &of)
				for k, got := range of.compute(t, cfg, c, e, change)[4:] {
					name := lossNames[k]
					want := of.Losses[name]
					d := math.Abs(float64(got[0]) - want)
					if d > 2*goldtrain.LossLimit(want, of.Single[name]) {
						beyond++
					}
					if m := moved[c.ID].Loss[name]; m > 1e-3 && !(math.Abs(d/want/m-1) < 0.02) {
						t.Errorf("%s: %s moves by %.4g, in the original by %.4g", c.ID, name, d/want, m)
					}
				}
			}
			if beyond == 0 {
				t.Error("accepted")
			}
		})
	}
}
