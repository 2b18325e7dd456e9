package main

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
)

// module of bench's report.
type module struct {
	Name  string     `json:"name"`
	Times [3]float64 `json:"ns"`
}

// benchTrained is a report as bench writes it: 1 ms forward, 2 backward of each module, 3 of the update.
func benchTrained(t *testing.T, without string) []byte {
	t.Helper()
	var list []module
	for _, name := range []string{"backbone stage1", "backbone patch_embed", "fpn inner", "bert layer 0", "tower 0 VLFuse", "tower 5 VLFuse", "tower 0 text layer", "tower 0 DyConv", "head"} {
		if name != without {
			list = append(list, module{name, [3]float64{1e6, 2e6, 0}})
		}
	}
	list = append(list, module{"update", [3]float64{0, 0, 3e6}})
	data, err := json.Marshal(map[string]any{
		"peak_gflops": 100, "samples": []any{map[string]any{"wall_ns": []float64{30e6, 20e6}}}, "training": map[string]any{"modules": list},
	})
	if err != nil {
		t.Fatal(err)
	}
	return data
}

const torchTrained = `a warning
{"torch": "1.13", "threads": 2, "blas": ["libopenblas.so.0"], "parts": {"backbone": {"forward_ms": 4, "backward_ms": 8, "runs": 3},
"pyramid": {"forward_ms": 4, "backward_ms": 8}, "text encoder": {"forward_ms": 4, "backward_ms": 8}, "fusion": {"forward_ms": 4, "backward_ms": 8},
"text layers": {"forward_ms": 4, "backward_ms": 8}, "dynamic heads": {"forward_ms": 4, "backward_ms": 8}, "update": {"update_ms": 12}}}
`

func TestTrainReport(t *testing.T) {
	b, ours, err := parseBenchTraining(benchTrained(t, ""))
	if err != nil {
		t.Fatal(err)
	}
	if ours[0] != (duration{2, 4, 0}) || ours[1] != (duration{1, 2, 0}) || ours[3] != (duration{2, 4, 0}) || ours[6] != (duration{0, 0, 3}) || b.Peak != 100 {
		t.Errorf("parts %v of %+v", ours, b)
	}
	theirs, err := parseTorch(strings.ReplaceAll(torchTrained, ",\n", ", "))
	if err != nil {
		t.Fatal(err)
	}
	r := &trainReport{Rounds: 1, Torch: theirs, Steps: []float64{25}}
	for i, part := range trainParts {
		x := theirs.Parts[part.name]
		r.Rows = append(r.Rows, trainRow{Part: part.name, Note: part.note, Ours: []duration{ours[i]}, Theirs: []duration{{x.Forward, x.Backward, x.Update}}})
	}
	text := r.markdown()
	for _, word := range []string{
		"| backbone | 4.00 | 8.00 | 2.00 | 4.00 | 2.00 x |", "| update | 12.0 | | 3.00 | | 4.00 x |", "libopenblas.so.0, 2 threads",
		"| **together, with the update** | 24.0 | 48.0 | 8.00 | 16.0 | 3.11 x |", "takes 25.0 ms", "3.36 times as long",
	} {
		if !strings.Contains(text, word) {
			t.Errorf("the report lacks %q:\n%s", word, text)
		}
	}
}

func TestTrainReportRefuses(t *testing.T) {
	for name, data := range map[string][]byte{"no JSON": []byte("{"), "a part less": benchTrained(t, "fpn inner"), "no runs": []byte(strings.Replace(string(benchTrained(t, "")), `"wall_ns":[30000000,20000000]`, `"wall_ns":[]`, 1))} {
		if _, _, err := parseBenchTraining(data); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	for name, text := range map[string]string{"nothing": "", "no JSON": "Traceback", "a part less": `{"parts": {"backbone": {"forward_ms": 1}}}`} {
		if _, err := parseTorch(text); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if d := medians([]duration{{1, 5, 0}, {3, 1, 0}, {2, 9, 0}}); d != (duration{2, 5, 0}) || math.IsNaN(d.sum()) {
		t.Errorf("medians %v", d)
	}
}
