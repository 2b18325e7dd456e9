package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/cmd/internal/cli"
	"github.com/glipvk/glipvk/engine"
	"golang.org/x/perf/benchfmt"
)

const nanoJSON = `{"embed_dims": 8, "depths": [2, 2, 2, 2], "num_heads": [1, 2, 4, 8], "window_size": 4, "pad_small_map": false,
	"out_indices": [1, 2, 3], "img_size": 128, "patch_size": 4, "mlp_ratio": 4, "norm_eps": 1e-05, "qkv_bias": true}`

// nano writes the small architecture to a file.
func nano(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "nano.json")
	if err := os.WriteFile(path, []byte(nanoJSON), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestExitCodes(t *testing.T) {
	arch := nano(t)
	quick := []string{"--arch", arch, "--device", "cpu", "--duration", "1ms", "--check", "finite"}
	set := t.TempDir()
	for _, name := range []string{"m.safetensors.index.json", "m-1.safetensors"} {
		if err := os.WriteFile(filepath.Join(set, name), []byte("{}"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		name string
		args []string
		code int
		word string
	}{
		{"json over a shard", append(quick, "--weights", filepath.Join(set, "m.safetensors.index.json"), "--json", filepath.Join(set, "m-1.safetensors")), 2, "would replace"},
		{"trace over the index", append(quick, "--weights", filepath.Join(set, "m.safetensors.index.json"), "--trace", filepath.Join(set, "m.safetensors.index.json")), 2, "would replace"},
		{"json to a device", append(quick, "--json", os.DevNull), 2, "no file that could be replaced"},
		{"help", []string{"--help"}, 0, "benchstat"},
		{"argument", []string{"x"}, 2, "x"},
		{"flag", []string{"--bogus"}, 2, "--bogus"},
		{"batch", append(quick, "--batch", "0"), 2, "--batch"},
		{"count", append(quick, "--count", "-1"), 2, "--count"},
		{"duration", append(quick, "--duration", "0s"), 2, "--duration"},
		{"check", append(quick, "--check", "maybe"), 2, "oracle"},
		{"size", append(quick, "--size", "5"), 2, "--size"},
		{"huge", append(quick, "--size", "100000x1"), 2, "16384"},
		{"huge batch", append(quick, "--batch", "1000000"), 2, "pixels"},
		{"original", append(quick, "--size", "original"), 2, "original"},
		{"model and arch", append(quick, "--model", "GLIP-T"), 2, "exclude"},
		{"model", []string{"--model", "vit"}, 2, "GLIP-L"},
		{"arch", []string{"--arch", "none.json"}, 2, "none.json"},
		{"device", []string{"--arch", arch, "--device", "abacus"}, 2, "device"},
		{"small map", append(quick, "--size", "32x32"), 2, "pad_small_map"},
		{"weights", append(quick, "--weights", "none.pth"), 2, "none.pth"},
		{"precision", append(quick, "--precision", "f64"), 2, "f16"},
		{"f16 on the CPU", append(quick, "--precision", "f16"), 0, "needs a Vulkan device"},
		{"tune and not", append(quick, "--tune", "--no-tune"), 2, "exclude"},
		{"trace below a file", append(quick, "--trace", filepath.Join(arch, "t.json")), 2, "--trace"},
		{"trace is a folder", append(quick, "--trace", filepath.Dir(arch)), 2, "is a folder"},
		{"product of two", []string{"--gemm", "7x8"}, 2, "MxNxK"},
		{"product of nothing", []string{"--gemm", "7x0x8"}, 2, "MxNxK"},
		{"product of words", []string{"--gemm", "7x8x9,axbxc"}, 2, "axbxc"},
		{"huge product", []string{"--gemm", "1000000x1x1000000"}, 2, "at most"},
		{"overflowing product", []string{"--gemm", "9223372036854775807x9223372036854775807x9223372036854775807"}, 2, "at most"},
		{"product and model", []string{"--gemm", "7x8x9", "--arch", arch}, 2, "--arch"},
		{"product on no device", []string{"--gemm", "7x8x9", "--device", "abacus"}, 2, "device"},
		{"product, no precision", []string{"--gemm", "7x8x9", "--precision", "int8"}, 2, "f16"},
		{"json over the architecture", append(quick, "--json", arch), 2, "which is read"},
		{"json below a file", append(quick, "--json", filepath.Join(arch, "b.json")), 2, "--json"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			code := run(t.Context(), c.args, &stdout, &stderr)
			if code != c.code || !strings.Contains(stdout.String()+stderr.String(), c.word) {
				t.Errorf("exit status %d, want %d and %q\n%s\n%s", code, c.code, c.word, stdout.String(), stderr.String())
			}
		})
	}
}

// TestReport requires a whole report, on the CPU reference, on the CPU and on a device.
func TestReport(t *testing.T) {
	for _, device := range []string{"reference", "cpu", "vulkan"} {
		t.Run(device, func(t *testing.T) {
			if device == "vulkan" {
				needVulkan(t)
			}
			path := filepath.Join(t.TempDir(), "deep", "b.json")
			var stdout, stderr bytes.Buffer
			code := run(t.Context(), []string{"--arch", nano(t), "--device", device, "--duration", "5ms", "--count", "2", "--batch", "2", "--no-tune",
				"--per-op", "--json", path}, &stdout, &stderr)
			if code != 0 {
				t.Fatal(stderr.String())
			}
			text := stdout.String()
			for _, word := range []string{
				"equals the CPU reference", "stages.3.blocks.1.attn.w_msa.qkv", "GEMM peak", "copy", "of roofline", "process peak", "features 2, wall time", "features 2, device time", "goos: ", "commit: ",
			} {
				if !strings.Contains(text, word) {
					t.Errorf("the output lacks %q:\n%s", word, text)
				}
			}
			checkLines(t, text)
			checkJSON(t, path)
		})
	}
}

// TestTune requires what was tried in the output and in the report.
func TestTune(t *testing.T) {
	needVulkan(t)
	path := filepath.Join(t.TempDir(), "b.json")
	t.Setenv("TMPDIR", t.TempDir())
	var stdout, stderr bytes.Buffer
	arch := nano(t)
	args := []string{"--arch", arch, "--device", "vulkan", "--duration", "1ms", "--check", "finite", "--tune", "--json", path}
	if code := run(t.Context(), args, &stdout, &stderr); code != 0 {
		t.Fatal(stderr.String())
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var r report
	if err := json.Unmarshal(data, &r); err != nil {
		t.Fatal(err)
	}
	text := stdout.String()
	if !r.Tuned || len(r.Trials) < 2 || !strings.Contains(text, "fused, tuned") || !strings.Contains(text, r.Trials[0].Candidate) {
		t.Errorf("%d trials, tuned %v:\n%s", len(r.Trials), r.Tuned, text)
	}
	if left, err := os.ReadDir(os.TempDir()); err != nil || len(left) > 0 {
		t.Errorf("left in the folder for temporary files: %v, %v", left, err)
	}
}

// TestNoFusion requires more dispatches without fusion, and the word in the output.
func TestNoFusion(t *testing.T) {
	needVulkan(t)
	dispatches := func(more ...string) int {
		path := filepath.Join(t.TempDir(), "b.json")
		var stdout, stderr bytes.Buffer
		args := append([]string{"--arch", nano(t), "--device", "vulkan", "--duration", "1ms", "--check", "finite", "--no-tune", "--json", path}, more...)
		if code := run(t.Context(), args, &stdout, &stderr); code != 0 {
			t.Fatal(stderr.String())
		}
		if want := "fused, not tuned"; !strings.Contains(stdout.String(), want) {
			t.Errorf("no %q in\n%s", want, stdout.String())
		}
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var r report
		if err := json.Unmarshal(data, &r); err != nil {
			t.Fatal(err)
		}
		if r.Fused != (len(more) == 0) || r.Tuned {
			t.Errorf("%v: fused %v, tuned %v", more, r.Fused, r.Tuned)
		}
		return r.Stats.Dispatches
	}
	if with, without := dispatches(), dispatches("--no-fusion"); with >= without {
		t.Errorf("%d dispatches with fusion, %d without", with, without)
	}
}

// checkLines reads the output as benchstat does.
func checkLines(t *testing.T, text string) {
	t.Helper()
	lines := 0
	for r := benchfmt.NewReader(strings.NewReader(text), "stdout"); r.Scan(); {
		line, ok := r.Result().(*benchfmt.Result)
		if !ok {
			continue // a comment, for benchstat: the tables before the lines
		}
		lines++
		if line.GetConfig("check") == "" || line.Iters < 1 {
			t.Errorf("line %v after %d runs, want the check in its configuration", line.Name, line.Iters)
		}
		for _, unit := range []string{"sec/op", "images/s", "GFLOP/s", "%peak"} {
			if v, ok := line.Value(unit); !ok || !(v > 0) {
				t.Errorf("%s is %v (present %v), want it above 0", unit, v, ok)
			}
		}
	}
	if lines != 2 {
		t.Errorf("%d benchmark lines, want 2:\n%s", lines, text)
	}
}

// checkJSON requires that the written report adds up.
func checkJSON(t *testing.T, path string) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var r report
	if err := json.Unmarshal(data, &r); err != nil {
		t.Fatal(err)
	}
	if len(r.Samples) != 2 || r.Batch != 2 || r.Height != 128 || !(r.PeakGFLOPS > 0) || !(r.CopyGBs > 0) || r.Precision != glipvk.F32 || r.Device.Name == "" {
		t.Errorf("report %+v", r)
	}
	if vulkan := r.Device.Vulkan != nil; r.Fused != vulkan || r.Tuned || vulkan && r.Stats.ArenaBytes < r.Stats.LiveBytes {
		t.Errorf("fused %v, tuned %v, memory %+v on %s", r.Fused, r.Tuned, r.Stats, r.Device.Name)
	}
	for _, s := range r.Samples {
		var flops int64
		var sum time.Duration
		for _, o := range s.Ops {
			flops += o.FLOPs
			sum += o.Duration
			if o.Bound <= 0 && o.Bytes > 1000 {
				t.Errorf("%s has no bound", o.Path)
			}
		}
		if flops != 2*r.Cases[0].MultiplyAdds || sum <= 0 || len(s.Wall) < leastRuns || len(s.Device) < 1 || len(s.Device) > profileRuns {
			t.Errorf("the operations add up to %d operations in %v, the model has %d; %d and %d runs",
				flops, sum, 2*r.MultiplyAdds, len(s.Wall), len(s.Device))
		}
		if f := r.figures(s); !(f.median > 0 && f.p90 >= f.median && f.images > 0 && f.gflops > 0 && f.share > 0) {
			t.Errorf("figures %+v", f)
		}
	}
}

func needVulkan(t *testing.T) {
	t.Helper()
	infos, err := glipvk.Devices()
	for _, d := range infos {
		if d.Unusable == "" {
			return
		}
	}
	if os.Getenv("REQUIRE_VULKAN") == "1" || err != nil && !errors.Is(err, engine.ErrNoDevice) {
		t.Fatalf("no Vulkan device: %v", err)
	}
	t.Skipf("no Vulkan device: %v", err)
}

// TestInterrupted requires figures when the measurement is cut short, and none before it.
func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	f := flags{
		device: cli.Device{Name: "cpu"}, weights: cli.Weights{Arch: nano(t), Path: "synthetic"}, check: "none", batch: 1, count: 3, duration: time.Hour,
	}
	cmd := newCommand()
	cmd.SetContext(ctx)
	b, err := f.settings(cmd)
	if err != nil {
		t.Fatal(err)
	}
	runs := 0
	b.ran = func(int) {
		if runs++; runs == 2 {
			cancel()
		}
	}
	var stdout, stderr bytes.Buffer
	if err := b.main(ctx, &stdout, &stderr); err != nil {
		t.Fatal(err)
	}
	if text := stdout.String(); !strings.Contains(text, "2 runs") || !strings.Contains(text, "interrupted") {
		t.Errorf("output:\n%s", text)
	}
	r := &report{Samples: []sample{{}}}
	if err := r.writeTrace(filepath.Join(t.TempDir(), "t.json")); err == nil || !strings.Contains(err.Error(), "nothing was written") {
		t.Errorf("a trace without a profile: %v", err)
	}
	if code := run(ctx, []string{"--arch", nano(t), "--device", "cpu"}, &stdout, &stderr); code != 1 || !strings.Contains(stderr.String(), "interrupted") {
		t.Errorf("exit status %d: %s", code, stderr.String())
	}
}

// onceAgain is a benchmark of a case that gives these results one after the other.
func onceAgain(results ...result) *bench {
	i := 0
	return &bench{first: make([]result, 1), cases: []testCase{{run: func(context.Context) (result, error) {
		i++
		return results[i-1], nil
	}}}}
}

// TestRepeatable requires that wrong results stop the benchmark.
func TestRepeatable(t *testing.T) {
	maps := func(values ...float32) features {
		return features{{Name: "stage1", Data: values}}
	}
	zero := float32(0)
	for _, c := range []struct {
		a, b features
		ok   bool
	}{
		{maps(1, 2), maps(1, 2), true}, {maps(1, 2), maps(1, 2.0000002), false},
		{maps(1, zero/zero), maps(1, zero/zero), false}, {maps(1 / zero), maps(1 / zero), false}, {maps(1), maps(zero / zero), false},
	} {
		again := onceAgain(c.a, c.b)
		_, err := again.once(t.Context(), 0)
		if err == nil {
			_, err = again.once(t.Context(), 0)
		}
		if (err == nil) != c.ok || err != nil && !errors.Is(err, errWrong) {
			t.Errorf("%v and %v: %v", c.a, c.b, err)
		}
	}
	room := maps(1)
	again := onceAgain(room, room)
	if _, err := again.once(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	room[0].Data[0] = 2 // into memory that is there
	if _, err := again.once(t.Context(), 0); !errors.Is(err, errWrong) {
		t.Errorf("a first result that is written over: %v", err)
	}
}

func TestQuantile(t *testing.T) {
	ms := func(values ...int) (list []time.Duration) {
		for _, v := range values {
			list = append(list, time.Duration(v)*time.Millisecond)
		}
		return list
	}
	for _, c := range []struct {
		p     float64
		times []time.Duration
		want  time.Duration
	}{
		{0.5, ms(5), 5 * time.Millisecond}, {0.5, ms(3, 1, 2), 2 * time.Millisecond}, {0.9, ms(1, 2, 3, 4, 5, 6, 7, 8, 9, 10), 9 * time.Millisecond},
		{0.5, nil, 0},
	} {
		if got := quantile(c.p, c.times); got != c.want {
			t.Errorf("quantile %v of %v is %v, want %v", c.p, c.times, got, c.want)
		}
	}
}
