package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// folder of package cpu.
const folder = "../../cpu"

// TestNotStale makes every kernel anew and wants the committed files.
func TestNotStale(t *testing.T) {
	files, err := generate()
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range files {
		got, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("cpu/%s is not what tools/cpuasm makes (%v): run go generate ./cpu", name, err)
		}
	}
	// A kernel that is no longer made must not stay behind.
	committed, err := filepath.Glob(filepath.Join(folder, "avx*_amd64.*"))
	if err != nil || len(committed) != len(files) {
		t.Errorf("%d generated files in cpu, want %d (%v)", len(committed), len(files), err)
	}
}

// TestKernels wants a tile for every number of rows and each row operation, in both sets.
func TestKernels(t *testing.T) {
	files, err := generate()
	if err != nil {
		t.Fatal(err)
	}
	for prefix, kernels := range map[string]int{"avx2": 6 + 5, "avx512": 14 + 4} {
		text := string(files[prefix+"_amd64.s"])
		if n := strings.Count(text, "\nTEXT ·"); n != kernels {
			t.Errorf("%s: %d kernels, want %d", prefix, n, kernels)
		}
		if wide := strings.Contains(text, "Z0"); wide != (prefix == "avx512") {
			t.Errorf("%s uses 512-bit registers: %v", prefix, wide)
		}
	}
}
