package ort_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/glipvk/glipvk/internal/ort"
)

func TestTensors(t *testing.T) {
	want := []float32{-3, 0, 1, 1 << 20}
	for _, x := range []ort.Tensor{ort.Floats("x", []int{2, 2}, want), ort.Integers("x", []int{4}, want)} {
		if got, err := x.Values(); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %v, %v", x.Type, got, err)
		}
	}
	for _, x := range []ort.Tensor{{Name: "x", Type: "float32", Data: "?"}, {Name: "x", Type: "string"}} {
		if _, err := x.Values(); err == nil {
			t.Errorf("%+v has values", x)
		}
	}
}

func TestParse(t *testing.T) {
	results, err := ort.Parse([]byte("a warning\n{\"median_ms\": 2.5, \"runs\": 3}\n{\"error\": \"no such file\"}\n"))
	if err != nil || len(results) != 2 || results[0].Median != 2.5 || results[1].Error != "no such file" {
		t.Errorf("%+v, %v", results, err)
	}
	if _, err := ort.Parse([]byte("{\"median_ms\": ")); err == nil {
		t.Error("half a line is accepted")
	}
	if _, err := results[0].Output("y"); err == nil || !strings.Contains(err.Error(), `"y"`) {
		t.Errorf("an output that is not there gives %v", err)
	}
}

func TestFind(t *testing.T) {
	if _, err := ort.Find(t.TempDir()); !errors.Is(err, ort.ErrMissing) {
		t.Errorf("an empty folder gives %v", err)
	}
}

// TestRun wants the other jobs done where one fails.
func TestRun(t *testing.T) {
	r, err := ort.Find(os.Getenv(ort.Variable))
	if err != nil {
		t.Skip(err) // which says what is missing and how to get it
	}
	bad := filepath.Join(t.TempDir(), "bad.onnx")
	if err := os.WriteFile(bad, []byte("no model"), 0o600); err != nil {
		t.Fatal(err)
	}
	job := ort.Job{Model: bad, Provider: "cpu", Threads: 1}
	results, err := r.Run(t.Context(), job, job)
	if err != nil || len(results) != 2 || results[0].Error == "" || results[1].Error == "" {
		t.Errorf("%+v, %v", results, err)
	}
}
