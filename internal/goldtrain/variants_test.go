package goldtrain

import (
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"
)

// TestLimitsRejectMistakesGolden checks by the recorded distances that every mistake of the original is rejected by some case that
// a test compares, also where our own error takes as much back as the limit allows.
func TestLimitsRejectMistakesGolden(t *testing.T) {
	groups := Groups(t)
	for _, v := range Variants(t, "gradients") {
		var by []string
		found := true
		switch v.Case {
		case "loss":
			by, found = rejectedLosses(t, groups[v.Case], v), len(groups[v.Case]) > 0
		case "matcher":
			by, found = rejectedMatches(groups[v.Case], v), len(groups[v.Case]) > 0
		default:
			by, found = rejected(t, groups["modules"], v.Case, v.Module)
		}
		tiny, whole := rejected(t, groups["tiny"], "tiny.one", v.Tiny)
		switch {
		case !found && !whole:
			t.Logf("the folder has no case that could tell %q", v.Name)
		case len(by)+len(tiny) == 0 && !v.Harmless():
			t.Errorf("nothing rejects %q: %+v", v.Name, v)
		}
	}
}

// rejected are the tensors of a case that a mistake moves beyond what is accepted, if there is such a case.
func rejected(t *testing.T, cases []Case, id string, moved Moved) (by []string, there bool) {
	t.Helper()
	i := slices.IndexFunc(cases, func(c Case) bool { return c.ID == id })
	if i < 0 {
		return nil, false
	}
	for name, d := range moved.Moved {
		found := false
		for _, x := range cases[i].Tensors {
			if !called(x, name) {
				continue
			}
			if found = true; !x.Vanishing && d > 2*x.Limit() {
				by = append(by, id+" "+name)
			}
		}
		if !found {
			t.Errorf("%s has no tensor %q", id, name)
		}
	}
	return by, true
}

// called says whether a variant means a tensor by a name, which leaves the scope of the module out.
func called(x Tensor, name string) bool {
	if x.Role == "output" {
		return x.Name == name
	}
	full, ok := strings.CutPrefix(x.Name, "grad.")
	name = strings.TrimPrefix(name, "grad.")
	return ok && x.Role == "gradient" && (full == name || strings.HasSuffix(full, "."+name))
}

func rejectedLosses(t *testing.T, cases []Case, v Variant) (by []string) {
	t.Helper()
	var moved map[string]LossMoved
	if err := json.Unmarshal(v.Losses, &moved); err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		var of struct {
			Losses map[string]float64
			Single map[string]float64 `json:"losses_float32"`
		}
		c.Into(t, &of)
		for name, d := range moved[c.ID].Loss {
			if want := math.Abs(of.Losses[name]); d*want > 2*LossLimit(want, of.Single[name]) {
				by = append(by, c.ID+" "+name)
			}
		}
		for name, d := range moved[c.ID].Gradient {
			if d > 2*c.Find(t, "gradient", "grad."+name).Limit() {
				by = append(by, c.ID+" gradient of "+name)
			}
		}
	}
	return by
}

// rejectedMatches are the cases in which other anchors match, or whose targets move.
func rejectedMatches(cases []Case, v Variant) (by []string) {
	for _, c := range cases {
		moved := v.Matches[c.ID]
		limit := 0.0
		for _, x := range c.Tensors {
			limit = max(limit, x.Limit())
		}
		if moved.Anchors > 0 || max(moved.Boxes, moved.Centerness) > 2*limit {
			by = append(by, c.ID)
		}
	}
	return by
}

// elsewhere are mistakes that move no recorded number by more than float32 does, and the tests of package train that reject them.
var elsewhere = map[string]string{
	"decay after the step instead of before": "TestDecay",
	"decay only for words in the caption":    "TestDecay",
	"gradients not cleared between steps":    "TestNoGradientIsKept",
}

// TestStepLimitsRejectMistakesGolden is the same of mistakes in what a step does.
func TestStepLimitsRejectMistakesGolden(t *testing.T) {
	cases := Cases(t, "optim")
	for _, v := range Variants(t, "optimisation") {
		i := slices.IndexFunc(cases, func(c Case) bool { return c.ID == v.Case })
		if i < 0 {
			t.Logf("the folder has no case that could tell %q", v.Name)
			continue
		}
		if by := rejectedSteps(t, &cases[i], v); len(by) == 0 && !v.Harmless() && elsewhere[v.Name] == "" {
			t.Errorf("nothing rejects %q: %+v", v.Name, v)
		}
	}
}

func rejectedSteps(t *testing.T, c *Case, v Variant) (by []string) {
	t.Helper()
	var of struct {
		Losses []map[string]float64
		Single []map[string]float64 `json:"losses_float32"`
	}
	c.Into(t, &of)
	var moved []float64 // of the sums of the losses
	if err := json.Unmarshal(v.Losses, &moved); err != nil {
		t.Fatal(err)
	}
	for k, d := range moved {
		var sum, limit float64
		for name, want := range of.Losses[k] {
			sum, limit = sum+want, limit+LossLimit(want, of.Single[k][name])
		}
		if d*sum > 2*limit {
			by = append(by, "a loss")
		}
	}
	for row, step := range map[int]Moved{0: v.Step1, 2: v.Step3} {
		for name, d := range step.Moved {
			x := c.Find(t, "parameter change", "delta."+name)
			k := x.Shape[1]
			var squares float64
			for _, y := range c.Stored(t, x)[row*k:][:k] {
				squares += float64(y) * float64(y)
			}
			rms, of := math.Sqrt(squares/float64(k)), x.L2/math.Sqrt(float64(x.Shape.Elements()))
			if !x.Vanishing && d*rms > 2*x.Limit()*of {
				by = append(by, name)
			}
		}
	}
	return append(by, v.Also...) // TestModesGolden of package train compares what is trained, name by name
}
