package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/glipvk/glipvk/train"
	"golang.org/x/perf/benchfmt"
)

// trainArgs measure the training of the small detector quickly on a device.
func trainArgs(t *testing.T, device string, more ...string) []string {
	return slices.Concat([]string{"--train", "--arch", tiny(t, "tiny.caption"), "--vocab", tinyVocab, "--device", device, "--size", "60x90",
		"--tokens", "12", "--iterations", "2", "--duration", "5ms", "--no-tune"}, more)
}

// benchTraining runs the command and returns what it wrote.
func benchTraining(t *testing.T, args ...string) (r report, printed string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "t.json")
	var stdout, stderr bytes.Buffer
	if code := run(t.Context(), append(args, "--json", path), &stdout, &stderr); code != 0 {
		t.Fatalf("exit status %d: %s", code, stderr.String())
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &r); err != nil {
		t.Fatal(err)
	}
	if r.Training == nil {
		t.Fatalf("the report has nothing of training: %s", data)
	}
	return r, stdout.String()
}

// TestTraining requires a whole report of each mode.
func TestTraining(t *testing.T) {
	for _, mode := range train.Modes() {
		t.Run(string(mode), func(t *testing.T) {
			r, text := benchTraining(t, trainArgs(t, "cpu", "--mode", string(mode), "--batch", "2", "--per-op")...)
			for _, word := range []string{"training " + string(mode), "batch 2", "all losses finite", "direct form", "moments", "  forward 1", "  update 1", "of peak", "tower 1 VLFuse"} {
				if !strings.Contains(text, word) {
					t.Errorf("the output lacks %q:\n%s", word, text)
				}
			}
			checkTraining(t, r, mode)
			for b := benchfmt.NewReader(strings.NewReader(text), "stdout"); b.Scan(); {
				if line, ok := b.Result().(*benchfmt.Result); ok && !strings.HasPrefix(string(line.Name), "Train/model=custom/mode="+string(mode)) {
					t.Errorf("line %s", line.Name)
				}
			}
		})
	}
}

func checkTraining(t *testing.T, r report, mode train.Mode) {
	t.Helper()
	x := r.Training
	if x.Mode != mode || x.Boxes != 4 || len(x.Phases) != len(r.Cases) || x.Memory.Moments != 2*x.Memory.Weights || x.Memory.Weights != x.Memory.Gradients || x.Memory.Tensors < 1 {
		t.Errorf("report %+v", x)
	}
	if !(x.Losses[0] > 0 && x.Losses[1] > 0) {
		t.Errorf("losses %v, want two above 0", x.Losses)
	}
	p := x.Phases[0]
	for i, name := range []string{"forward", "backward", "update"} {
		if p.Times[i] <= 0 {
			t.Errorf("the %s takes %v", name, p.Times[i])
		}
	}
	w := x.Recorded
	if sum := p.FLOPs[forward] + p.FLOPs[backward]; sum != 2*r.MultiplyAdds || p.FLOPs[forward] < 2*(w.Front+w.Forward) || p.FLOPs[backward] > 2*w.Backward || p.FLOPs[update] != 0 {
		t.Errorf("%v of work were timed, %+v recorded, %d counted in all", p.FLOPs, w, r.MultiplyAdds)
	}
	if d := x.Direct; d.Forward <= w.Front+w.Forward || d.Backward <= w.Backward {
		t.Errorf("the direct form takes %+v, what is recorded %+v", d, w)
	}
	var modules, kinds phases
	for i := range phaseCount {
		for _, m := range x.Modules {
			modules.Times[i] += m.Times[i]
		}
		for _, k := range x.Kinds {
			kinds.Times[i] += k.Times[i]
		}
	}
	if modules.Times != p.Times || kinds.Times != p.Times {
		t.Errorf("modules take %v, kinds %v, all %v", modules.Times, kinds.Times, p.Times)
	}
}

// TestTrainingVulkan measures on a device, and what full freezes.
func TestTrainingVulkan(t *testing.T) {
	needVulkan(t)
	r, text := benchTraining(t, trainArgs(t, "vulkan", "--frozen", "2", "--recompute", "blocks", "--count", "2", "--trace", filepath.Join(t.TempDir(), "trace.json"))...)
	if p := r.Training.Phases[0]; p.Times[backward] <= 0 || r.Training.Modules != nil || !strings.Contains(text, "barriers") {
		t.Errorf("report %+v:\n%s", r.Training, text)
	}
}

func TestTrainingExitCodes(t *testing.T) {
	quick := slices.Clip(trainArgs(t, "cpu"))
	for _, c := range []struct {
		name string
		args []string
		word string
	}{
		{"mode", append(quick, "--mode", "all"), "--mode"},
		{"detector", append(quick, "--detector"), "exclude"},
		{"recompute", append(quick, "--recompute", "no.such.*"), "no.such.*"},
		{"oracle", append(quick, "--check", "oracle"), "--check"},
		{"no such check", append(quick, "--check", "losses"), "--check"},
		{"no absorb", append(quick, "--no-absorb"), "--no-absorb"},
		{"pad small map", append(quick, "--pad-small-map"), "--pad-small-map"},
		{"many tokens", append(quick, "--tokens", "257"), "3 to 256"},
		{"mode alone", []string{"--mode", "full"}, "--train"},
		{"frozen of a detector", []string{"--detector", "--frozen", "2"}, "--frozen"},
		{"product", []string{"--gemm", "7x8x9", "--train"}, "--gemm"},
		{"huge", append(quick, "--size", "100000x1"), "16384"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			if code := run(t.Context(), c.args, &stdout, &stderr); code != 2 || !strings.Contains(stderr.String(), c.word) {
				t.Errorf("exit status %d, want 2 and %q\n%s\n%s", code, c.word, stdout.String(), stderr.String())
			}
		})
	}
}
