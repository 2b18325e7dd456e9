package train_test

import (
	"math"
	"strconv"
	"testing"

	"github.com/glipvk/glipvk/glip"
	"github.com/glipvk/glipvk/internal/goldtrain"
	"github.com/glipvk/glipvk/train"
)

// TestSchedulesGolden compares the learning rates of the original's schedulers, step by step.
func TestSchedulesGolden(t *testing.T) {
	var cases []struct {
		Options struct {
			Steps    []float64 `json:"SOLVER.STEPS"`
			Length   int       `json:"SOLVER.MAX_ITER"`
			Warmup   int       `json:"SOLVER.WARMUP_ITERS"`
			Method   string    `json:"SOLVER.WARMUP_METHOD"`
			Factor   *float64  `json:"SOLVER.WARMUP_FACTOR"`
			Cosine   bool      `json:"SOLVER.USE_COSINE"`
			Auto     bool      `json:"SOLVER.USE_AUTOSTEP"`
			Patience int       `json:"SOLVER.STEP_PATIENCE"`
		}
		Base    float64 `json:"base_lr"`
		Metrics map[string]float64
		LR      []float64
	}
	goldtrain.JSON(t, "optim/schedules.json", &cases)
	for i, c := range cases {
		o := c.Options
		s := train.Schedule{
			Kind: train.Steps, Milestones: o.Steps, Length: o.Length, Patience: o.Patience,
			Warmup: train.Warmup{Steps: o.Warmup, Factor: 0.001, Constant: o.Method == "constant"},
		}
		if o.Factor != nil {
			s.Warmup.Factor = *o.Factor
		}
		if o.Cosine {
			s.Kind = train.Cosine
		}
		if o.Auto {
			s.Kind = train.Auto
		}
		for k, want := range c.LR {
			if got := s.Rate(c.Base, k); !(math.Abs(got-want) <= 1e-12*want) {
				t.Errorf("schedule %d, step %d: %g, want %g", i, k+1, got, want)
			}
			s.Stepped()
			if ap, ok := c.Metrics[strconv.Itoa(k+1)]; ok {
				s.Validated(ap)
			}
		}
	}
}

// TestScheduledDecay: it falls before the rate does, once for each milestone, and only where it is asked to.
func TestScheduledDecay(t *testing.T) {
	s := train.Schedule{Kind: train.Steps, Length: 20, Milestones: []float64{6, 0.6}, Weaken: 0.5}
	for k, want := range map[int]float64{0: 1, 2: 1, 3: 0.1, 5: 0.1, 6: 0.01, 19: 0.01} {
		if got := s.Decay(0.25, k); !(math.Abs(got-0.25*want) <= 1e-15) {
			t.Errorf("step %d: %g, want %g", k, got, 0.25*want)
		}
	}
	for _, same := range []train.Schedule{{Kind: train.Steps, Length: 20, Milestones: s.Milestones}, {Kind: train.Auto, Milestones: s.Milestones, Weaken: 0.5}} {
		if got := same.Decay(0.25, 19); got != 0.25 {
			t.Errorf("%+v: %g, want 0.25", same, got)
		}
	}
}

// TestAutoFalls: every rate falls from its own, to no less than the least.
func TestAutoFalls(t *testing.T) {
	s := train.Schedule{Kind: train.Auto}
	s.Validated(0.5)
	for falls, want := range [][3]float64{{1e-4, 2e-4, 1e-5}, {1e-5, 2e-5, 1e-6}, {1e-6, 2e-6, 1e-6}, {1e-6, 1e-6, 1e-6}} {
		for i, base := range []float64{1e-4, 2e-4, 1e-5} {
			if got := s.Rate(base, 9); !(math.Abs(got-want[i]) <= 1e-12*want[i]) {
				t.Errorf("after %d falls a rate of %g is %g, want %g", falls, base, got, want[i])
			}
		}
		s.Validated(0.1)
	}
}

// TestModesGolden compares what each mode trains, and its rates and decay.
func TestModesGolden(t *testing.T) {
	var modes map[string]struct {
		Trainable []string
		LR        map[string]float64
		Decay     map[string]float64 `json:"weight_decay"`
	}
	goldtrain.JSON(t, "optim/modes.json", &modes)
	recipe := train.Recipe{Rate: 1e-4, LanguageRate: 1e-5, Decay: 0.05}
	for name, of := range modes {
		frozen, mode := -1, name
		if name == "full_frozen2" {
			frozen, mode = 2, "full"
		}
		m, err := train.ParseMode(mode)
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]bool{}
		for _, n := range of.Trainable {
			want[n] = true
		}
		seen := 0
		for _, p := range canonical(t, m) {
			official := glip.OfficialName(p)
			if m.Trains(p, frozen) != want[official] {
				t.Errorf("%s: %s is trained: %v, want %v", name, p, m.Trains(p, frozen), want[official])
				continue
			}
			if !want[official] {
				continue
			}
			seen++
			if rate, decay := recipe.Of(p); math.Abs(rate-of.LR[official]) > 1e-18 || decay != of.Decay[official] {
				t.Errorf("%s: %s has rate %g and decay %g, want %g and %g", name, p, rate, decay, of.LR[official], of.Decay[official])
			}
		}
		if seen != len(of.Trainable) {
			t.Errorf("%s: %d of %d weights that are trained are in the graph", name, seen, len(of.Trainable))
		}
	}
}

// canonical lists the weights of the small detector, with a prompt table where that is trained.
func canonical(t *testing.T, m train.Mode) (names []string) {
	t.Helper()
	cfg, err := glip.ParseConfig([]byte(tiny))
	if err != nil {
		t.Fatal(err)
	}
	if m == train.Prompt {
		cfg.PromptRows = 1000
	}
	for _, p := range cfg.Params() {
		names = append(names, p.Name)
	}
	return names
}

const tiny = `{"backbone": {"embed_dims": 12, "depths": [2, 2, 2, 2], "num_heads": [1, 2, 3, 6], "window_size": 7, "pad_small_map": true, "out_indices": [1, 2, 3]},
"text": {"vocab_size": 209, "hidden_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 96, "max_position_embeddings": 256, "layer_norm_eps": 1e-12},
"channels": 32, "layers": 2, "fusion": true, "fusion_heads": 8, "fusion_dim": 64, "group_norm_groups": 16, "anchor_sizes": [64, 128, 256, 512, 1024],
"anchor_strides": [8, 16, 32, 64, 128], "max_text_tokens": 256}`
