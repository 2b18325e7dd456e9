package train_test

import (
	"math"
	"strings"
	"testing"

	"github.com/glipvk/glipvk/cpuref"
	"github.com/glipvk/glipvk/glip"
	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/internal/goldtrain"
	"github.com/glipvk/glipvk/train"
)

// stepsCase is six steps of one mode.
type stepsCase struct {
	goldtrain.Case
	Seed      uint64
	Overrides map[string]float32
	Options   struct {
		Base     *float64  `json:"SOLVER.BASE_LR"`
		Language *float64  `json:"SOLVER.LANG_LR"`
		Decay    float64   `json:"SOLVER.WEIGHT_DECAY"`
		Warmup   int       `json:"SOLVER.WARMUP_ITERS"`
		Factor   float64   `json:"SOLVER.WARMUP_FACTOR"`
		Steps    []float64 `json:"SOLVER.STEPS"`
		Length   int       `json:"SOLVER.MAX_ITER"`
	}
	Mode    string
	EMA     float64 `json:"model_ema"`
	Batches []goldtrain.Batch
	Losses  []map[string]float64
	Single  []map[string]float64 `json:"losses_float32"`
}

// held are weights by name, those that are trained changing.
type held struct {
	cpuref.Weights
	own map[string][]float32
}

func (h held) Tensor(name string, shape []int) ([]float32, error) {
	if data, ok := h.own[name]; ok {
		return data, nil
	}
	return h.Weights.Tensor(name, shape)
}

// TestStepsGolden takes six steps of each mode on the oracle.
func TestStepsGolden(t *testing.T) {
	for _, c := range goldtrain.Cases(t, "optim") {
		if c.ID == "modes" || c.ID == "schedules" {
			continue
		}
		t.Run(c.ID, func(t *testing.T) {
			of := stepsCase{}
			c.Into(t, &of)
			steps(t, c, of)
		})
	}
}

func steps(t *testing.T, c goldtrain.Case, of stepsCase) {
	cfg, err := glip.ParseConfig([]byte(tiny))
	if err != nil {
		t.Fatal(err)
	}
	m, err := train.ParseMode(of.Mode)
	if err != nil {
		t.Fatal(err)
	}
	w := held{goldtrain.Weights(t, cfg, of.Seed, of.Overrides), map[string][]float32{}}
	if m == train.Prompt {
		cfg.PromptRows = 1000
		w.own[glip.PromptTable] = make([]float32, 1000*cfg.Text.Hidden)
	}
	recipe := train.Recipe{Rate: 1e-4, LanguageRate: 1e-5, Decay: of.Options.Decay}
	if of.Options.Base != nil {
		recipe.Rate = *of.Options.Base
	}
	if of.Options.Language != nil {
		recipe.LanguageRate = *of.Options.Language
	}
	schedule := train.Schedule{Kind: train.Steps, Milestones: of.Options.Steps, Length: of.Options.Length, Warmup: train.Warmup{Steps: of.Options.Warmup, Factor: of.Options.Factor}}
	r := runner{t: t, cfg: cfg, weights: w, recipe: recipe, schedule: schedule, average: of.EMA}
	for _, p := range cfg.Params() {
		if m.Trains(p.Name, -1) {
			r.paths = append(r.paths, p.Name)
			data, err := w.Tensor(p.Name, p.Shape)
			if err != nil {
				t.Fatal(err)
			}
			w.own[p.Name] = data
			r.start = append(r.start, data)
			n := len(data)
			r.first, r.second, r.averages = append(r.first, make([]float32, n)), append(r.second, make([]float32, n)), append(r.averages, data)
		}
	}
	deltas := map[string][]float32{} // [6, n], by official name
	for k := range of.Losses {
		losses := r.step(of.Batches[k%2], k)
		for i, name := range []string{"loss_reg", "loss_centerness", "loss_dot_product_token"} {
			want := of.Losses[k][name]
			if d := math.Abs(float64(losses[i]) - want); !(d <= 10*math.Abs(of.Single[k][name]-want)+1e-6*want) {
				t.Errorf("step %d: %s is %g, want %g", k+1, name, losses[i], want)
			}
		}
		for name, delta := range r.moved(w.own) {
			deltas[name] = append(deltas[name], delta...)
		}
	}
	compared := 0
	for _, x := range c.Tensors {
		name, ok := strings.CutPrefix(x.Name, "delta.")
		if !ok {
			continue
		}
		got, ok := deltas[name]
		if !ok {
			t.Errorf("%s is not trained", name)
			continue
		}
		n := len(got) / len(of.Losses)
		var sampled []float32
		for row := range len(of.Losses) {
			for i := range x.Shape[1] {
				sampled = append(sampled, got[row*n+i*n/x.Shape[1]])
			}
		}
		c.Near(t, x, sampled)
		compared++
	}
	if compared == 0 {
		t.Error("nothing was compared")
	}
}

// runner takes steps on the oracle.
type runner struct {
	t                              *testing.T
	cfg                            glip.Config
	weights                        held
	recipe                         train.Recipe
	schedule                       train.Schedule
	average                        float64
	paths                          []string
	start, first, second, averages [][]float32
}

func (r *runner) run(g *graph.Graph, inputs ...[]float32) [][]float32 {
	r.t.Helper()
	out, err := cpuref.Run(r.t.Context(), g, r.weights, cpuref.Options{}, inputs...)
	if err != nil {
		r.t.Fatal(err)
	}
	return out
}

// step k from 0; the losses are those before it.
func (r *runner) step(batch goldtrain.Batch, k int) []float32 {
	r.t.Helper()
	s, inputs := batch.Inputs(r.t, r.cfg)
	g, err := train.RecordStep(r.cfg, s, r.paths, 1)
	if err != nil {
		r.t.Fatal(err)
	}
	out := r.run(g, inputs...)
	for i, path := range r.paths {
		base, decay := r.recipe.Of(path)
		rate := r.schedule.Rate(base, k)
		rates := []float32{float32(rate), float32(decay), float32(1 - math.Pow(0.9, float64(k+1))), float32(1 - math.Pow(0.999, float64(k+1)))}
		update, err := train.RecordUpdate(len(r.first[i]), r.average)
		if err != nil {
			r.t.Fatal(err)
		}
		in := [][]float32{r.weights.own[path], r.first[i], r.second[i], out[4+i], out[3], rates}
		if r.average > 0 {
			in = append(in, r.averages[i])
		}
		next := r.run(update, in...)
		r.weights.own[path], r.first[i], r.second[i] = next[0], next[1], next[2]
		if r.average > 0 {
			r.averages[i] = next[3]
		}
	}
	return []float32{out[0][0], out[1][0], out[2][0]}
}

// moved is how far the weights are from their start, under official names and in their order.
func (r *runner) moved(now map[string][]float32) map[string][]float32 {
	var deltas [][]float32
	for i, path := range r.paths {
		delta := make([]float32, len(r.start[i]))
		for k := range delta {
			delta[k] = float32(float64(now[path][k]) - float64(r.start[i][k]))
		}
		deltas = append(deltas, delta)
	}
	if len(r.paths) == 1 && r.paths[0] == glip.PromptTable {
		return map[string][]float32{glip.PromptTable: deltas[0]}
	}
	moved := goldtrain.Official(r.t, r.cfg, r.paths, deltas)
	for name := range moved {
		trained := false
		for _, path := range r.paths {
			trained = trained || glip.OfficialName(path) == name
		}
		if !trained {
			delete(moved, name)
		}
	}
	return moved
}
