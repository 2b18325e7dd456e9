package glip_test

import (
	"math"
	"testing"

	"github.com/glipvk/glipvk/glip"
	"github.com/glipvk/glipvk/grad"
	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/internal/difftest"
	"github.com/glipvk/glipvk/internal/goldtrain"
)

// lossCase is what the manifest says of a case of losses.
type lossCase struct {
	Padded [2]int
	Boxes  [][]glip.Box
	Labels [][]int
	Tokens [][][]int
	Valid  []int `json:"valid_tokens"`
	Losses map[string]float64
	Single map[string]float64 `json:"losses_float32"`
}

// objects of each picture.
func (c lossCase) objects() (pictures [][]glip.Object) {
	for i, boxes := range c.Boxes {
		var list []glip.Object
		for k, b := range boxes {
			list = append(list, glip.Object{Box: b, Label: c.Labels[i][k], Tokens: c.Tokens[i][k]})
		}
		pictures = append(pictures, list)
	}
	return pictures
}

// size for the whole caption.
func (c lossCase) size() glip.Training {
	s := glip.Training{Batch: len(c.Boxes), Height: c.Padded[0], Width: c.Padded[1], Tokens: 256}
	for _, b := range c.Boxes {
		s.Objects = max(s.Objects, len(b))
	}
	return s
}

// TestLossGolden compares the losses of given predictions and their gradients.
func TestLossGolden(t *testing.T) {
	cfg, err := glip.Preset("glip-t")
	if err != nil {
		t.Fatal(err)
	}
	goldtrain.Executors(t, func(t *testing.T, e difftest.Executor) {
		for _, c := range goldtrain.Cases(t, "loss") {
			t.Run(c.ID, func(t *testing.T) {
				var of lossCase
				c.Into(t, &of)
				of.compare(t, cfg, c, e)
			})
		}
	})
}

// lossNames are the original's, in the order of glip.LossPaths.
var lossNames = []string{"loss_reg", "loss_centerness", "loss_dot_product_token"}

// compute gives the loss, the gradients of logits, deltas and centre-ness, and the three losses, once change, if there is one,
// has done its work.
func (of lossCase) compute(t *testing.T, cfg glip.Config, c goldtrain.Case, e difftest.Executor, change func(lossCase, *glip.Targets, *graph.Graph)) [][]float32 {
	t.Helper()
	s := of.size()
	targets, err := glip.NewTargets(cfg, s, of.Valid, of.objects())
	if err != nil {
		t.Fatal(err)
	}
	g, err := glip.RecordLosses(cfg, s)
	if err != nil {
		t.Fatal(err)
	}
	r, err := grad.Reverse(g, glip.LossPath, "logits", "deltas", "centerness")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range glip.LossPaths() {
		id, _ := r.Find(path)
		r.Outputs = append(r.Outputs, id)
	}
	if change != nil {
		change(of, &targets, r)
	}
	var inputs [][]float32
	for _, name := range []string{"dot", "centerness", "bbox"} {
		inputs = append(inputs, c.Find(t, "input", name).Content())
	}
	out, err := e.Run(t.Context(), r, nil, append(inputs, targets.Inputs()...), r.Outputs)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func (of lossCase) compare(t *testing.T, cfg glip.Config, c goldtrain.Case, e difftest.Executor) {
	s, out := of.size(), of.compute(t, cfg, c, e, nil)
	for i, name := range lossNames {
		want, got := of.Losses[name], float64(out[4+i][0])
		if d := math.Abs(got - want); !(d <= goldtrain.LossLimit(want, of.Single[name])) {
			t.Errorf("%s: %g, want %g", name, got, want)
		}
	}
	n := len(out[2]) / 4 / s.Batch
	var valid []float32 // rows of all anchors, the caption's tokens alone
	for row := range s.Batch * n {
		valid = append(valid, out[1][row*s.Tokens:][:of.Valid[row/n]]...)
	}
	c.Near(t, c.Find(t, "gradient", "grad.dot"), valid)
	c.Near(t, c.Find(t, "gradient", "grad.bbox"), out[2])
	c.Near(t, c.Find(t, "gradient", "grad.centerness"), out[3])
}
