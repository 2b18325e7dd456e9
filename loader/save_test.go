package loader_test

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/glipvk/glipvk/loader"
)

// TestSave: what is saved is read again, names in order, from both formats.
func TestSave(t *testing.T) {
	list := []loader.Saved{}
	want := map[string][]float32{}
	for name, shape := range map[string][]int{"b.weight": {2, 3}, "a": {1}, "scalar": {}, "Å.bias": {4, 1, 1}} {
		n := 1
		for _, d := range shape {
			n *= d
		}
		for i := range n {
			want[name] = append(want[name], float32(i)+0.5)
		}
		list = append(list, loader.Saved{Name: name, Shape: shape, Data: func() ([]float32, error) { return want[name], nil }})
	}
	for ending, save := range map[string]func(io.Writer) error{
		"safetensors": func(w io.Writer) error { return loader.SaveSafetensors(w, map[string]string{"format": "pt"}, list) },
		"pth": func(w io.Writer) error {
			return loader.SavePickle(w, map[string]string{"format": "pt"}, loader.SavedEntry{"model", list}, loader.SavedEntry{"model_ema", list[:2]})
		},
	} {
		var b bytes.Buffer
		if err := save(&b); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "saved."+ending)
		if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := loader.Open(path)
		if err != nil {
			t.Fatalf("%s: %v", ending, err)
		}
		names := c.Names()
		for _, s := range list {
			shape, ok := c.Shape(s.Name)
			got := make([]float32, len(want[s.Name]))
			if err := c.Read(s.Name, got); err != nil || !ok || !slices.Equal(shape, s.Shape) || !slices.Equal(got, want[s.Name]) {
				t.Errorf("%s: %s is %v %v, %v; want %v %v", ending, s.Name, shape, got, err, s.Shape, want[s.Name])
			}
		}
		if len(names) != len(list) {
			t.Errorf("%s: names %v", ending, names)
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
	short := []loader.Saved{{Name: "a", Shape: []int{2}, Data: func() ([]float32, error) { return []float32{1}, nil }}}
	if loader.SavePickle(io.Discard, nil, loader.SavedEntry{"model", short}) == nil || loader.SaveSafetensors(io.Discard, nil, short) == nil {
		t.Error("a tensor that is too short was saved")
	}
}
