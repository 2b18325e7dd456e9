package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/glipvk/glipvk"
)

func readTrace(t *testing.T, path string) trace {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var tr trace
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&tr); err != nil {
		t.Fatal(err)
	}
	return tr
}

// TestTraceFile requires a trace that parses, whose dispatches follow one another, add
// up to the measured time and lie inside the parts they are named by.
func TestTraceFile(t *testing.T) {
	for _, device := range []string{"cpu", "vulkan"} {
		t.Run(device, func(t *testing.T) {
			if device == "vulkan" {
				needVulkan(t)
			}
			dir := t.TempDir()
			path := filepath.Join(dir, "deep", "trace.json")
			var stdout, stderr bytes.Buffer
			args := []string{"--arch", nano(t), "--device", device, "--duration", "5ms", "--check", "none", "--no-tune", "--trace", path}
			if code := run(t.Context(), args, &stdout, &stderr); code != 0 {
				t.Fatal(stderr.String())
			}
			tr := readTrace(t, path)
			for _, key := range []string{"device", "driver", "commit", "precision", "kernels", "model"} {
				if tr.Metadata[key] == "" {
					t.Errorf("the metadata lacks %s: %v", key, tr.Metadata)
				}
			}
			checkNesting(t, tr)
			if entries, err := os.ReadDir(filepath.Dir(path)); err != nil || len(entries) != 1 {
				t.Errorf("beside the trace lie %v, %v", entries, err)
			}
		})
	}
}

// checkNesting requires that each dispatch lies in exactly the parts of its path.
func checkNesting(t *testing.T, tr trace) {
	t.Helper()
	const rounding = 1e-6 // of a microsecond: sums of float64
	dispatches, at := 0, 0.0
	for _, e := range tr.Events {
		if e.Category != "dispatch" {
			continue
		}
		dispatches++
		if e.Start < at-rounding || e.Phase != "X" || e.Duration < 0 {
			t.Errorf("event %+v begins before %v", e, at)
		}
		at = e.Start + e.Duration
		var around []string
		for _, p := range tr.Events {
			if p.Category == "part" && p.Start <= e.Start+rounding && p.Start+p.Duration >= at-rounding {
				around = append(around, p.Name)
			}
		}
		// A dispatch of no length at a part's edge lies in the part beside it as well.
		if want := strings.Join(append(around, e.Name), "."); want != e.Args["path"] && e.Duration > 0 {
			t.Errorf("%v lies in %v", e.Args["path"], around)
		}
	}
	if dispatches < 20 {
		t.Errorf("%d dispatches, want those of four stages", dispatches)
	}
}

// TestTraceByHand draws a trace of three dispatches.
func TestTraceByHand(t *testing.T) {
	r := &report{PeakGFLOPS: 1, CopyGBs: 1}
	us := time.Microsecond
	tr := newTrace(r, []glipvk.Timing{
		{Path: "stages.0.blocks.1.norm", Kernel: "n", Duration: 2 * us},
		{Path: "stages.0.blocks.1.attn.qkv", Kernel: "g", Duration: 3 * us, FLOPs: 4000, Bytes: 5},
		{Path: "stages.0.merge", Kernel: "m", Duration: 5 * us},
		{Path: "out", Kernel: "c", Duration: 7 * us},
	})
	type line struct {
		name       string
		start, dur float64
	}
	var got []line
	for _, e := range tr.Events[2:] {
		got = append(got, line{e.Name, e.Start, e.Duration})
	}
	want := []line{
		{"stages.0", 0, 10}, {"blocks.1", 0, 5}, {"norm", 0, 2}, {"attn", 2, 3}, {"qkv", 2, 3}, {"merge", 5, 5}, {"out", 10, 7},
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if bound := tr.Events[6].Args["bound_us"]; bound != 4.0 { // 4000 operations at 1 GFLOP/s
		t.Errorf("bound %v us, want 4", bound)
	}
}

func TestPathParts(t *testing.T) {
	for path, want := range map[string]string{
		"stages.0.blocks.1.attn": "stages.0 blocks.1 attn", "norm3": "norm3", "out.3": "out.3", "7": "7", "": "",
		"ffn.layers.0.0": "ffn layers.0.0",
	} {
		if got := strings.Join(pathParts(path), " "); got != want {
			t.Errorf("%q is cut into %q, want %q", path, got, want)
		}
	}
}
