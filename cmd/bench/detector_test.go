package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/cmd/internal/cli"
	"github.com/glipvk/glipvk/glip"
	"golang.org/x/perf/benchfmt"
)

// The small detector of the test data: its folder, and its vocabulary and weights.
const (
	tinyFolder  = "../../testdata/glip/"
	tinyVocab   = tinyFolder + "tiny/vocab.txt"
	tinyWeights = tinyFolder + "tiny/model.pth"
)

// tiny writes the architecture of a case of the test data to a file.
func tiny(t *testing.T, id string) string {
	t.Helper()
	data, err := os.ReadFile(tinyFolder + "manifest.json")
	if err != nil {
		t.Fatal(err)
	}
	var manifest struct {
		Groups []struct {
			Cases []struct {
				ID   string
				Arch json.RawMessage
			}
		}
	}
	if err := json.Unmarshal(data, &manifest); err != nil {
		t.Fatal(err)
	}
	for _, g := range manifest.Groups {
		for _, c := range g.Cases {
			if c.ID == id {
				path := filepath.Join(t.TempDir(), "arch.json")
				if err := os.WriteFile(path, c.Arch, 0o600); err != nil {
					t.Fatal(err)
				}
				return path
			}
		}
	}
	t.Fatalf("no case %s", id)
	return ""
}

// tinyArgs measure the small detector quickly on a device.
func tinyArgs(t *testing.T, device string, more ...string) []string {
	return slices.Concat([]string{"--detector", "--arch", tiny(t, "tiny.caption"), "--vocab", tinyVocab, "--weights", tinyWeights,
		"--device", device, "--size", "60x90", "--iterations", "2", "--duration", "5ms", "--no-tune"}, more)
}

// benchDetector runs the command and returns what it wrote.
func benchDetector(t *testing.T, args ...string) (r report, printed string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "deep", "d.json")
	var stdout, stderr bytes.Buffer
	if code := run(t.Context(), append(args, "--json", path), &stdout, &stderr); code != 0 {
		t.Fatalf("exit status %d: %s", code, stderr.String())
	}
	for line := range strings.Lines(stderr.String()) {
		if !strings.Contains(line, "compiling") { // which is said where it takes long
			t.Errorf("stderr has %q", line)
		}
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &r); err != nil {
		t.Fatal(err)
	}
	return r, stdout.String()
}

func TestDetectorExitCodes(t *testing.T) {
	arch := tiny(t, "tiny.caption")
	quick := slices.Clip(tinyArgs(t, "cpu", "--check", "finite"))
	for _, c := range []struct {
		name string
		args []string
		code int
		word string
	}{
		{"batch", append(quick, "--batch", "0"), 2, "--batch"},
		{"pad small map", append(quick, "--pad-small-map"), 2, "--pad-small-map"},
		{"product", append(quick, "--gemm", "7x8x9"), 2, "--gemm"},
		{"model and arch", append(quick, "--model", "glip-t"), 2, "exclude"},
		{"model", []string{"--detector", "--model", "yolo"}, 2, "glip-l"},
		{"arch of a backbone", []string{"--detector", "--arch", nano(t)}, 2, "--arch"},
		{"no arch", []string{"--detector", "--arch", "none.json"}, 2, "none.json"},
		{"vocabulary", []string{"--detector", "--arch", arch, "--size", "60x90"}, 2, "--vocab"},
		{"size", append(quick, "--size", "60"), 2, "--size"},
		{"huge", append(quick, "--size", "100000x1"), 2, "16384"},
		{"original", append(quick, "--size", "original"), 2, "original"},
		{"check", append(quick, "--check", "maybe"), 2, "oracle"},
		{"few tokens", append(quick, "--tokens", "2"), 2, "3 to 256"},
		{"many tokens", append(quick, "--tokens", "257"), 2, "3 to 256"},
		{"caption and tokens", append(quick, "--tokens", "9", "--caption", "a dog"), 2, "exclude"},
		{"caption of nothing", append(quick, "--caption", "."), 2, "noun"},
		{"rounds", append(quick, "--iterations", "-1"), 2, "--iterations"},
		{"per op", append(quick, "--per-op=all"), 2, "full"},
		{"precision", append(quick, "--precision", "f64"), 2, "f16"},
		{"weights", append(quick, "--weights", "none.pth"), 2, "none.pth"},
		{"tokens alone", []string{"--tokens", "9"}, 2, "--detector"},
		{"json below a file", append(quick, "--json", filepath.Join(arch, "b.json")), 2, "--json"},
		{"not checked", append(quick, "--check", "none"), 0, "not checked"},
		{"caption", append(quick, "--caption", "a small dog"), 0, "1 phrases"},
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

// TestDetectorReport requires a whole report on every executor, and that nothing was spent
// on what is known.
func TestDetectorReport(t *testing.T) {
	for _, device := range []string{"reference", "cpu", "vulkan"} {
		t.Run(device, func(t *testing.T) {
			if device == "vulkan" {
				needVulkan(t)
			}
			batch := map[string]int{"reference": 1, "cpu": 2, "vulkan": 1}[device]
			r, printed := benchDetector(t, tinyArgs(t, device, "--per-op=full", "--count", "2", "--batch", fmt.Sprint(batch))...)
			for _, word := range []string{
				"equals the CPU reference", "backbone stage4", "fpn layers", "fpn P6, P7", "bert layer 1", "tower 1 text layer", "tower 1 VLFuse",
				"tower 0 DyConv", "DyConv dcn up", "VLFuse context of the picture", "head", "selection", "rpn.head.dyhead_tower.2.", "20 tokens, 6 phrases",
				"GMAC as executed", "first run", "picture known 2", "second query on a Sight", "GEMM peak", "process peak", "commit: ",
			} {
				if !strings.Contains(printed, word) {
					t.Errorf("the output lacks %q:\n%s", word, printed)
				}
			}
			checkDetectorReport(t, r, batch)
			checkDetectorLines(t, printed)
		})
	}
}

// checkDetectorReport requires that a written report adds up.
func checkDetectorReport(t *testing.T, r report, batch int) {
	t.Helper()
	vulkan := r.Device.Vulkan != nil
	if len(r.Samples) != 6 || r.Height != 60 || r.Batch != batch || r.Captions[0].Tokens != 20 || r.Captions[1].Tokens != 20 || r.Fused != vulkan || r.Tuned ||
		!(r.PeakGFLOPS > 0) || !(r.CopyGBs > 0) || r.Load <= 0 || r.First <= 0 || r.Captions[0].Text == r.Captions[1].Text {
		t.Errorf("report %+v", r)
	}
	if vulkan && r.Stats.ArenaBytes < r.Stats.LiveBytes || !(r.Second > 0) {
		t.Errorf("memory %+v, the second query takes %v of the whole", r.Stats, r.Second)
	}
	for i, s := range r.Samples {
		which := i % detectorCases
		c := r.Cases[which]
		if s.Case != c.Line {
			t.Errorf("sample %d is of %s, want %s", i, s.Case, c.Line)
		}
		var flops int64
		for _, o := range s.Ops {
			flops += o.FLOPs
			switch {
			case which == captionKnown && strings.HasPrefix(o.Path, "language_backbone."), which == pictureKnown && strings.HasPrefix(o.Path, "backbone."):
				t.Errorf("%s: time was spent on %s", c.Name, o.Path)
			}
		}
		// Fused kernels leave out products of padding, which graphs count; nothing else does.
		want, slack := 2*c.MultiplyAdds, int64(0)
		if vulkan {
			slack = want / 20
		}
		if flops < want-slack || flops > want+slack || flops == 0 {
			t.Errorf("%s: the operations add up to %d, the graphs have %d", c.Name, flops, want)
		}
		s.which = which
		if f := r.figures(s); len(s.Wall) != 2 || !(f.median > 0 && f.gflops > 0 && f.share > 0 && f.device > 0 && f.images > 0) {
			t.Errorf("%s: %v, figures %+v", c.Name, s.Wall, f)
		}
		if i >= len(r.Samples)-detectorCases { // tables are of the last
			for _, rows := range [][]moduleRow{r.Modules[:len(r.Modules)-1], r.Parts} {
				checkRows(t, s.Ops, rows, which)
			}
		}
	}
	for _, m := range r.Modules[:len(r.Modules)-1] {
		if bert := strings.HasPrefix(m.Name, "bert"); bert != (m.Times[captionKnown] == nil) {
			t.Errorf("%s takes %v with the caption known", m.Name, m.Times[captionKnown])
		}
		vision := strings.HasPrefix(m.Name, "backbone") || strings.HasPrefix(m.Name, "fpn")
		if vision != (m.Times[pictureKnown] == nil) || m.Times[nothingKnown] == nil {
			t.Errorf("%s takes %v", m.Name, m.Times)
		}
	}
}

// checkRows requires that rows hold the time of the operations they are of.
func checkRows(t *testing.T, ops []operation, rows []moduleRow, which int) {
	t.Helper()
	tower := rows[0].Name != "backbone patch_embed"
	var want, got int64
	for _, o := range ops {
		if !tower || strings.HasPrefix(o.Path, "rpn.head.dyhead_tower.") {
			want += o.Duration.Nanoseconds()
		}
	}
	for _, m := range rows {
		if m.Times[which] != nil {
			got += m.Times[which].Nanoseconds()
		}
	}
	if got != want || got == 0 {
		t.Errorf("case %d: rows add up to %d ns, operations to %d", which, got, want)
	}
}

// checkDetectorLines reads the output as benchstat does.
func checkDetectorLines(t *testing.T, printed string) {
	t.Helper()
	var names []string
	for r := benchfmt.NewReader(strings.NewReader(printed), "stdout"); r.Scan(); {
		line, ok := r.Result().(*benchfmt.Result)
		if !ok {
			continue // a comment, for benchstat: the tables before the lines
		}
		names = append(names, line.Name.String())
		for _, unit := range []string{"sec/op", "GFLOP/s", "%peak"} {
			if v, ok := line.Value(unit); !ok || !(v > 0) {
				t.Errorf("%s is %v (present %v), want it above 0", unit, v, ok)
			}
		}
	}
	if len(names) != 6 || !strings.HasSuffix(names[1], "/known=caption") {
		t.Errorf("benchmark lines %v, want three for each of two measurements", names)
	}
}

// TestDetectorForms requires the direct form when asked for, and no fusion where the
// model has none.
func TestDetectorForms(t *testing.T) {
	r, _ := benchDetector(t, tinyArgs(t, "cpu", "--no-absorb", "--tokens", "8")...)
	if r.Counts.Grounding != r.Counts.Direct || r.Captions[0].Tokens != 8 {
		t.Errorf("%+v, caption %+v", r.Counts, r.Captions[0])
	}
	if r, _ = benchDetector(t, tinyArgs(t, "cpu", "--tokens", "8")...); r.Counts.Grounding == r.Counts.Direct {
		t.Errorf("not absorbed: %+v", r.Counts)
	}
	r, printed := benchDetector(t, "--detector", "--arch", tiny(t, "tiny_a.caption"), "--vocab", tinyVocab, "--device", "cpu", "--size", "60x90",
		"--iterations", "1", "--duration", "1ms", "--per-op")
	if strings.Contains(printed, "VLFuse") || !strings.Contains(printed, "tower 1 DyConv") || r.Counts.Grounding != r.Counts.Direct {
		t.Errorf("a model without fusion:\n%s", printed)
	}
}

// TestDetectorInterrupted requires figures when the measurement is cut short.
func TestDetectorInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	cmd := newCommand()
	cmd.SetContext(ctx)
	f := flags{
		device: cli.Device{Name: "cpu"}, weights: cli.Weights{Arch: tiny(t, "tiny.caption"), Path: tinyWeights}, check: "none", batch: 1, count: 3,
		size: "60x90", perOp: perModule, detector: true, vocab: tinyVocab, tokens: 20,
	}
	b, err := f.settings(cmd)
	if err != nil {
		t.Fatal(err)
	}
	runs := 0
	b.ran = func(int) {
		if runs++; runs == 4 {
			cancel()
		}
	}
	var stdout, stderr bytes.Buffer
	if err := b.main(ctx, &stdout, &stderr); err != nil {
		t.Fatal(err)
	}
	if printed := stdout.String(); !strings.Contains(printed, "2 runs") || !strings.Contains(printed, "interrupted") {
		t.Errorf("output:\n%s", printed)
	}
	if code := run(ctx, tinyArgs(t, "cpu"), &stdout, &stderr); code != 1 || !strings.Contains(stderr.String(), "interrupted") {
		t.Errorf("exit status %d: %s", code, stderr.String())
	}
}

// TestSame requires that detections that differ, or are no numbers, stop the benchmark.
func TestSame(t *testing.T) {
	zero := 0.0
	one := glipvk.Detection{Box: glip.Box{X2: 3, Y2: 4}, Score: 0.5, Label: 1}
	moved, bad := one, one
	moved.Box.X2 = 3.0000001
	bad.Score = zero / zero
	for _, c := range []struct {
		first, next []glipvk.Detection
		ok          bool
	}{
		{[]glipvk.Detection{one}, []glipvk.Detection{one}, true}, {[]glipvk.Detection{one}, []glipvk.Detection{moved}, false},
		{[]glipvk.Detection{one}, []glipvk.Detection{one, one}, false}, {[]glipvk.Detection{bad}, []glipvk.Detection{bad}, false},
		{nil, []glipvk.Detection{one}, false}, {nil, nil, true},
	} {
		again := onceAgain(detections{c.first}, detections{c.next})
		_, err := again.once(t.Context(), 0)
		if err == nil {
			_, err = again.once(t.Context(), 0)
		}
		if (err == nil) != c.ok || err != nil && !errors.Is(err, errWrong) {
			t.Errorf("%v, then %v: %v", c.first, c.next, err)
		}
	}
}

func TestModuleRows(t *testing.T) {
	ops := [detectorCases][]operation{
		{{Path: "a.x", Duration: 3, FLOPs: 5, Bytes: 7}, {Path: "b.x", Duration: 4}, {Path: "a.y", Duration: 2, FLOPs: 1}},
		{{Path: "b.x", Duration: 6, FLOPs: 9}},
	}
	rows := moduleRows(ops, func(path string) string { return strings.TrimRight(path, ".xy") })
	if len(rows) != 2 || rows[0].Name != "a" || *rows[0].Times[0] != 5 || rows[0].Times[1] != nil || rows[0].FLOPs != 6 || rows[0].Bytes != 7 {
		t.Errorf("rows %+v", rows)
	}
	if len(rows) == 2 && (*rows[1].Times[0] != 4 || *rows[1].Times[1] != 6 || rows[1].FLOPs != 0) {
		t.Errorf("row %+v", rows[1])
	}
	if rows := moduleRows(ops, func(string) string { return "" }); len(rows) > 0 {
		t.Errorf("rows without a name: %v", rows)
	}
}
