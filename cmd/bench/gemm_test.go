package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/glipvk/glipvk"
	"golang.org/x/perf/benchfmt"
)

// TestGEMM requires a table, lines for benchstat and JSON of each product.
func TestGEMM(t *testing.T) {
	for _, device := range []string{"cpu", "vulkan"} {
		t.Run(device, func(t *testing.T) {
			if device == "vulkan" {
				needVulkan(t)
			}
			path := filepath.Join(t.TempDir(), "g.json")
			var stdout, stderr bytes.Buffer
			args := []string{"--gemm", "33x40x17,64x64x64", "--gemm", "1x2x3", "--device", device, "--duration", "2ms", "--count", "2", "--json", path}
			if code := run(t.Context(), args, &stdout, &stderr); code != 0 {
				t.Fatal(stderr.String())
			}
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			var r gemmReport
			if err := json.Unmarshal(data, &r); err != nil {
				t.Fatal(err)
			}
			if len(r.GEMM) != 3 || r.Device.Name == "" || r.Commit == "" {
				t.Fatalf("report %s", data)
			}
			if p := r.GEMM[0]; p.M != 33 || p.N != 40 || p.K != 17 || p.Precision != glipvk.F32 || !(p.GFLOPS > 0) || len(p.Samples) != 2 {
				t.Errorf("product %+v", p)
			}
			lines := 0
			for b := benchfmt.NewReader(strings.NewReader(stdout.String()), "stdout"); b.Scan(); {
				if line, ok := b.Result().(*benchfmt.Result); ok {
					lines++
					if v, ok := line.Value("GFLOP/s"); !ok || !(v > 0) || line.GetConfig("precision") != "f32" {
						t.Errorf("line %s: %v", line.Name, v)
					}
				}
			}
			if lines != 6 {
				t.Errorf("%d lines, want two for each product:\n%s", lines, stdout.String())
			}
		})
	}
}

func TestRoofline(t *testing.T) {
	r := roofline{gflops: 10, gigabytes: 2}
	for _, c := range []struct {
		flops, bytes int64
		want         time.Duration
	}{
		{10e9, 1, time.Second}, {10e9, 4e9, 2 * time.Second}, {0, 2e6, time.Millisecond}, {0, 0, 0},
	} {
		if got := r.bound(c.flops, c.bytes); got != c.want {
			t.Errorf("%d operations and %d bytes: bound %v, want %v", c.flops, c.bytes, got, c.want)
		}
	}
	if got := (roofline{}).bound(5, 5); got != 0 {
		t.Errorf("nothing measured: bound %v, want 0", got)
	}
}

// TestOpsTable requires shares worked out by hand and a total row.
func TestOpsTable(t *testing.T) {
	r := &report{PeakGFLOPS: 10, CopyGBs: 2}
	s := sample{Ops: []operation{
		{Path: "a.qkv", Kernel: "gemm", Duration: 4 * time.Second, FLOPs: 10e9, Bytes: 1},
		{Path: "a.norm", Kernel: "norm", Duration: 1 * time.Second, Bytes: 1e9},
	}}
	r.roofline().judge(s.Ops)
	var out strings.Builder
	if err := r.roofline().printOps(&out, s.Ops); err != nil {
		t.Fatal(err)
	}
	var lines []string
	for line := range strings.Lines(out.String()) {
		lines = append(lines, strings.Join(strings.Fields(line), " "))
	}
	for i, want := range []string{
		"4000.000 80.0 % 2.5 25.0 % 0.00 products 25.0 % gemm a.qkv",
		"1000.000 20.0 % - - 1.00 memory 50.0 % norm a.norm",
		"5000.000 100.0 % 2.0 20.0 % 0.20 both 30.0 % total",
	} {
		if lines[2+i] != want {
			t.Errorf("row %d is\n%s\nwant\n%s", i, lines[2+i], want)
		}
	}
}

// TestTrials requires the table of --tune.
func TestTrials(t *testing.T) {
	var tried trials
	tried.observe(glipvk.Trial{Shape: "7x8x9", Candidate: "tile 4x4", Duration: time.Millisecond, GFLOPS: 3, Won: true})
	tried.observe(glipvk.Trial{Shape: "7x8x9", Candidate: "tile 8x4", Duration: 2 * time.Millisecond, GFLOPS: 1.5})
	var out strings.Builder
	if err := printTrials(&out, tried.all()); err != nil {
		t.Fatal(err)
	}
	if text := out.String(); strings.Count(text, "7x8x9") != 2 || strings.Count(text, "won") != 1 {
		t.Errorf("table\n%s", text)
	}
	r := report{Fused: true, Tuned: true}
	if got := r.choice(); got != "CPU" {
		t.Errorf("the CPU's kernels are %q", got)
	}
}
