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
	all, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range all {
		text, err := os.ReadFile(filepath.Join(folder, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if _, made := files[f.Name()]; bytes.Contains(text, []byte("Code generated")) && !made {
			t.Errorf("cpu/%s is generated, but not by tools/cpuasm as it is", f.Name())
		}
	}
}

// TestKernels wants the product and each row operation of a set.
func TestKernels(t *testing.T) {
	files, err := generate()
	if err != nil {
		t.Fatal(err)
	}
	for prefix, kernels := range map[string]int{"avx2_amd64": 2 + 18, "avx512_amd64": 2 + 17, "neon_arm64": neonRows} {
		text := string(files[prefix+".s"])
		if n := strings.Count(text, "\nTEXT ·"); n != kernels {
			t.Errorf("%s: %d kernels, want %d", prefix, n, kernels)
		}
		if wide := strings.Contains(text, "Z0"); wide != (prefix == "avx512_amd64") {
			t.Errorf("%s uses 512-bit registers: %v", prefix, wide)
		}
	}
}
